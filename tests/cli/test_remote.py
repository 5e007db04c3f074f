"""`rebuild` and `stats` over a socket: what is asked, how answers and refusals are shown."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from semcache.cli import main, stats_table

JOB = "j1"


class Scripted(BaseHTTPRequestHandler):
    """Answers in turn what `answers` holds for "METHOD path"; keeps what it was asked."""

    answers: ClassVar[dict[str, list[tuple[int, Any]]]]
    asked: ClassVar[list[tuple[str, str | None, Any]]]

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        call = f"{self.command} {self.path}"
        self.asked.append((call, self.headers.get("Authorization"), body))
        script = self.answers[call]
        status, answer = script.pop(0) if len(script) > 1 else script[0]
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("SEMCACHE_ADMIN_KEY", "SEMCACHE_API_KEY", "SEMCACHE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # must not be asked
    monkeypatch.setattr("semcache.cli.remote._POLL_S", 0.01)
    Scripted.answers, Scripted.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_rebuild_watches_its_job_to_the_end(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Scripted.answers = {
        "POST /admin/index/rebuild": [(202, {"job_id": JOB})],
        f"GET /admin/jobs/{JOB}": [
            (200, {"state": "queued", "done": 0, "total": 0}),
            (200, {"state": "running", "done": 5, "total": 10}),
            (200, {"state": "done", "done": 10, "total": 10, "error": None}),
        ],
    }
    assert main(["rebuild", "--url", url, "--namespace", "a", "--reembed", "--key", "k"]) == 0
    assert Scripted.asked[0] == (
        "POST /admin/index/rebuild",
        "Bearer k",
        {"reembed": True, "namespace": "a"},
    )
    assert len(Scripted.asked) == 4
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [f"job {JOB}", "done"]
    assert "10/10" in shown.err


def test_a_job_that_fails_is_1_and_says_why(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Scripted.answers = {
        "POST /admin/index/rebuild": [(202, {"job_id": JOB})],
        f"GET /admin/jobs/{JOB}": [(200, {"state": "failed", "done": 1, "total": 9, "error": "no store"})],
    }
    assert main(["rebuild", "--url", url]) == 1
    assert f"semcache: job {JOB} failed: no store" in capsys.readouterr().err


def test_a_refusal_is_shown_as_the_service_words_it(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Scripted.answers = {"GET /v1/stats": [(403, {"detail": "this key is not for admins", "code": "forbidden"})]}
    assert main(["stats", "--url", url]) == 1
    assert capsys.readouterr().err == (
        "semcache: this key is not for admins (forbidden): "
        "give a key with --key, SEMCACHE_ADMIN_KEY or SEMCACHE_API_KEY\n"
    )


def test_a_refusal_that_comes_before_the_whole_body_went_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = b'{"detail": "too many lines", "code": "too_large"}'
    answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(problem), problem)
    lines = tmp_path / "prompts.txt"
    lines.write_bytes(b"What is a llama?\n" * 500_000)  # far more than lies in the buffers of a connection
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=refuse)
        thread.start()
        assert main(["warm", str(lines), "--url", f"http://127.0.0.1:{server.getsockname()[1]}"]) == 1
        thread.join()
    assert capsys.readouterr().err == "semcache: too many lines (too_large)\n"


@pytest.mark.parametrize("answer", [(502, b"<html>bad gateway</html>"), (200, b"<html>hello</html>")])
def test_another_server_there_is_a_line(
    url: str, capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes]
) -> None:
    Scripted.answers = {"GET /v1/stats": [answer]}
    assert main(["stats", "--url", url]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_url_of_another_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--url", "file:///etc/passwd"]) == 1
    assert "http://" in capsys.readouterr().err


def test_stats_as_json_are_the_service_s_own(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMCACHE_ADMIN_KEY", "from-environment")
    Scripted.answers = {"GET /v1/stats?namespace=a+b": [(200, {"hits": 3})]}
    assert main(["stats", "--url", url, "--namespace", "a b", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"hits": 3}
    assert Scripted.asked[0][1] == "Bearer from-environment"


def test_the_client_s_variables_name_the_service_and_the_caller(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Scripted.answers = {"GET /v1/stats": [(200, {})]}
    monkeypatch.setenv("SEMCACHE_URL", url)
    monkeypatch.setenv("SEMCACHE_API_KEY", "of the caller")
    assert main(["stats", "--json"]) == 0
    monkeypatch.setenv("SEMCACHE_ADMIN_KEY", "of the operator")
    assert main(["stats", "--json"]) == 0
    assert [key for _, key, _ in Scripted.asked] == ["Bearer of the caller", "Bearer of the operator"]


def test_the_table_gives_every_figure() -> None:
    counts = {"requests": 5, "hits": 3, "misses": 2, "hit_rate": 0.6, "tokens_saved": 1200, "cost_saved_usd": 0.5}
    counts |= {"upstream_calls": 2, "cost_paid_usd": 0.25}
    stats = {
        "requests": 12345,
        "hit_rate": 0.5,
        "cost_saved_usd": 1.25,
        "since": None,
        "hits_by_tier": {"exact": 2, "semantic": 1},
        "bypasses_by_reason": {},
        "namespaces": {"default": {**counts, "models": {"m1": counts}}},
        "models": {"m1": counts},
        "index": {"ok": True, "rows": 7},
    }
    assert stats_table.render(stats).splitlines() == [
        "requests        12,345",
        "hit_rate        50.0%",
        "cost_saved_usd  1.25",
        "since           -",
        "",
        "hits_by_tier",
        "  exact     2",
        "  semantic  1",
        "",
        "index",
        "  ok    true",
        "  rows  7",
        "",
        "namespace  model  requests  hits  misses  hit_rate  upstream_calls  cost_paid_usd"
        "  tokens_saved  cost_saved_usd  time_saved_s",
        "default    m1            5     3       2     60.0%               2           0.25"
        "         1,200             0.5             -",
    ]


def test_the_table_tells_how_often_hits_are_wrong() -> None:
    shadow = {"compared": 40, "wrong": 1, "false_hit_rate": 0.025, "low": 0.0006, "high": 0.1316}
    quality = {"a": {"shadow": shadow, "verified": {"bound": 0.01, "alarm": False, "labels_needed": None}}, "b": {}}
    assert stats_table.render({"requests": 0, "quality": quality}).splitlines() == [
        "requests  0",
        "",
        "quality of a, shadow",
        "  compared        40",
        "  wrong           1",
        "  false_hit_rate  2.5%",
        "  low             0.0006",
        "  high            0.1316",
        "",
        "quality of a, verified",
        "  bound          0.01",
        "  alarm          false",
        "  labels_needed  -",
    ]


@pytest.mark.parametrize(
    ("wrong", "holds", "said"), [(0.004, True, "true"), (0.004, False, "not shown yet"), (0.06, False, "false")]
)
def test_the_table_tells_a_broken_bound_from_one_that_is_not_shown_yet(wrong: float, holds: bool, said: str) -> None:
    verified = {"bound": 0.05, "wrong": wrong, "holds": holds}
    assert f"  holds  {said}" in stats_table.render({"quality": {"a": {"verified": verified}}}).splitlines()


def test_stats_of_a_fresh_service_are_a_table() -> None:
    assert stats_table.render({"requests": 0, "namespaces": {}}) == "requests  0"
