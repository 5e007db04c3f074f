"""`warm`, `export` and `import` against a real service; and what they do when it breaks off."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from semcache.cli import main
from semcache.cli.import_lines import parts_of
from tests.patience import LONG_S
from tests.serving import Served, served

HEAD = b'{"semcache_export":1,"created_at":"2026-01-01T00:00:00Z","namespace":null,"space":null,"normalizer":"1"}\n'


def line(number: int) -> bytes:
    return b'{"entry_id":"%032x","prompt":"p"}\n' % number


def end(entries: int) -> bytes:
    return b'{"semcache_export_end":{"entries":%d,"last":"%032x"}}\n' % (entries, entries)


class Breaking(BaseHTTPRequestHandler):
    """Streams what `parts` holds for each call in turn, and cuts the connection unless the part ends an export."""

    protocol_version = "HTTP/1.1"
    parts: ClassVar[list[bytes]]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        part = self.parts.pop(0)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        if b"semcache_export_end" in part:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(body.decode())
        counts = dict.fromkeys(("imported", "replaced", "expired", "refused", "damaged", "pending"), 0)
        problems = [{"line": 2, "code": "damaged", "detail": "so"}] if b"bad" in body else []
        answer = json.dumps({**counts, "imported": body.count(b"\n"), "problems": problems}).encode()
        fails = len(self.asked) == 2
        self.send_response(503 if fails else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("SEMCACHE_ADMIN_KEY", raising=False)
    monkeypatch.setattr("semcache.cli.export._PAUSE_S", 0.01)
    monkeypatch.setattr("semcache.cli.import_lines._PAUSE_S", 0.01)
    Breaking.parts, Breaking.asked = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_export_that_breaks_off_goes_on_by_itself(url: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Breaking.parts = [HEAD + line(1) + line(2)[:-5], HEAD + line(2), HEAD + line(3) + end(1)]
    assert main(["export", "--url", url, "--namespace", "a"]) == 0
    assert capfdbinary.readouterr().out == HEAD + line(1) + line(2) + line(3) + end(3)
    assert Breaking.asked == [
        "/admin/export?namespace=a",
        f"/admin/export?namespace=a&after={1:032x}",
        f"/admin/export?namespace=a&after={2:032x}",
    ]


def test_a_file_that_broke_off_is_gone_on_with(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.jsonl"
    Breaking.parts = [HEAD + line(1)] + [HEAD] * 5
    assert main(["export", "--url", url, "--output", str(file), "--no-vectors"]) == 1
    assert f"go on after {1:032x}" in capsys.readouterr().err
    with file.open("ab") as half:
        half.write(line(2)[:7])  # as a kill leaves it
    Breaking.parts = [HEAD + line(2) + end(1)]
    assert main(["export", "--url", url, "--output", str(file), "--no-vectors"]) == 0
    assert file.read_bytes() == HEAD + line(1) + line(2) + end(2)
    assert Breaking.asked[-1] == f"/admin/export?vectors=false&after={1:032x}"
    assert main(["export", "--url", url, "--output", str(file)]) == 0  # asks nothing
    assert "is whole: 2 entries" in capsys.readouterr().err
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("dear diary\n")
    assert main(["export", "--url", url, "--output", str(foreign)]) == 1
    assert foreign.read_text() == "dear diary\n"


def test_an_import_sends_parts_again_and_numbers_lines_as_the_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("semcache.cli.import_lines._PART_BYTES", 20)
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"first line\nsecond line\nthird line\nbad line\nfifth line\n")
    assert main(["import", str(file), "--url", url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "5 imported, 0 replaced, 0 expired, 0 refused, 0 damaged, 0 pending",
        "line 4: damaged: so",
    ]
    assert Breaking.asked[1] == Breaking.asked[2]  # the second part met a 503 once
    assert main(["import", str(file), "--url", url, "--from-line", "5"]) == 0
    assert Breaking.asked[-1] == "fifth line\n"
    with file.open("rb") as opened:
        assert list(parts_of(opened, 3)) == [(3, b"third line\nbad line\n"), (5, b"fifth line\n")]


@pytest.mark.parametrize("first", ["0", "-1", "two"])
def test_lines_are_counted_from_one(first: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["import", "in.jsonl", f"--from-line={first}"])
    assert f"--from-line: '{first}' is not the number of a line, counted from 1" in capsys.readouterr().err


def test_what_is_not_there_is_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["import", "none"], ["warm", "none"]):
        assert main([*command, "--url", url]) == 1
        assert capsys.readouterr().err.splitlines()[-1] == "semcache: none: No such file or directory"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for name in list(os.environ):
        if name.upper().startswith("SEMCACHE_"):
            monkeypatch.delenv(name)
    upstream = {"SEMCACHE_UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1", "SEMCACHE_UPSTREAM_API_KEY": "k"}
    with served(tmp_path, tmp_path / "no-models", {"SEMCACHE_EMBEDDER": "off", **upstream}) as running:
        yield running


def test_a_round_trip_through_a_service(service: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"model": "m", "prompt": f"Square of {number}?", "response": number * number} for number in range(200)]
    assert httpx.post(f"{service.url}/v1/store/batch", json={"items": items}, timeout=LONG_S).status_code == 200
    file = tmp_path / "out.jsonl"
    assert main(["export", "--url", service.url, "--output", str(file)]) == 0
    assert len(file.read_bytes().splitlines()) == 202
    invalidated = httpx.post(f"{service.url}/admin/invalidate", json={"all": True}, timeout=LONG_S)
    assert invalidated.json()["deleted"] == 200
    assert main(["import", str(file), "--url", service.url]) == 0
    assert "200 imported, 0 replaced" in capsys.readouterr().out
    hit = httpx.post(f"{service.url}/v1/lookup", json={"model": "m", "prompt": "Square of 12?"}, timeout=LONG_S).json()
    assert (hit["tier"], hit["response"]) == ("exact", 144)


def test_a_warming_is_watched_to_its_end(service: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("What is the time?\n# a comment\nWhy?\n")
    assert main(["warm", str(file), "--url", service.url]) == 1
    assert "line 1: `model` is needed" in capsys.readouterr().err
    assert main(["warm", str(file), "--url", service.url, "--model", "m", "--budget", "1", "--concurrency", "2"]) == 1
    shown = capsys.readouterr()
    assert "0 stored, 0 present" in shown.out  # nobody answers on that port
    assert "line 3: failed: " in shown.out
    assert "2/2" in shown.err
