"""`feedback`, `tune` and `train` on the command line: what is asked, shown and set."""

from __future__ import annotations

import json
import shlex
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from semcache.cli import main, tune_plot
from semcache.cli import tune as tune_module
from semcache.cli.tune import in_force
from semcache.policy.tuning import Judged, Knob
from semcache.verifier.weights import FILE
from tests.cli.test_remote import Scripted
from tests.cli.test_remote import url as scripted_url

url = scripted_url
ENTRY = "0b" + "1" * 30


def labels(count: int, wrong: int = 0, **more: Any) -> bytes:
    rows = []
    for n in range(count):
        fixed = {"namespace": "default", "entry_id": f"0b{n:030x}", "asked": "a", "cached": "b"}
        rows.append({**fixed, "similarity": 0.9 + n / 1e5, "same": n >= wrong, "source": "shadow", **more})
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture
def script(url: str) -> dict[str, Any]:
    Scripted.answers = {
        "GET /admin/config": [(200, {"mode": "threshold", "threshold": None, "namespaces": {}})],
        "GET /admin/tuning": [(200, {"tuned": [{"namespace": "default", "threshold": 0.95}], "history": []})],
        "POST /admin/tuning": [(200, {"tuned": [], "history": []})],
    }
    return Scripted.answers


def test_feedback_names_a_hit_and_tells_what_came_of_it(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = {"entry_id": ENTRY, "vetoed": True, "learned": True}
    Scripted.answers = {"POST /v1/feedback": [(202, done)]}
    said = ["--entry-id", ENTRY, "--prompt", "Hello?", "--wrong", "--answer", '{"x": 1}', "--user", "ann"]
    assert main(["feedback", "--url", url, *said]) == 0
    body = {"correct": False, "entry_id": ENTRY, "prompt": "Hello?", "answer": {"x": 1}, "user": "ann"}
    assert Scripted.asked[0][2] == body
    assert "not served to that prompt again" in capsys.readouterr().out
    assert main(["feedback", "--url", url, "--request-id", "x", "--correct", "--answer", "plain"]) == 0
    assert Scripted.asked[1][2] == {"correct": True, "request_id": "x", "answer": "plain"}
    assert main(["feedback", "--url", url, "--wrong"]) == 1
    assert "--request-id" in capsys.readouterr().err


def test_feedback_sends_the_messages_of_a_file(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Scripted.answers = {"POST /v1/feedback": [(202, {"entry_id": ENTRY, "vetoed": True, "learned": True})]}
    file = tmp_path / "messages.json"
    file.write_text('[{"role": "user", "content": "Hello?"}]')
    said = ["feedback", "--url", url, "--entry-id", ENTRY, "--wrong", "--messages"]
    assert main([*said, str(file)]) == 0
    assert Scripted.asked[0][2]["messages"] == [{"role": "user", "content": "Hello?"}]
    assert main([*said, str(tmp_path / "absent.json")]) == 1
    assert "absent.json" in capsys.readouterr().err


def test_tune_proposes_shows_and_applies(
    url: str, script: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script["GET /admin/labels"] = [(200, labels(400))]
    out = tmp_path / "proposal.json"
    assert main(["tune", "--url", url, "--json", str(out), "--apply"]) == 0
    shown = capsys.readouterr().out
    assert "default: 400 labels, 0 of different answers" in shown
    assert "proposed: threshold 0.9000 serves 100.0%" in shown
    assert "in force: threshold 0.9500 serves 0.0%" in shown
    assert "100% |" in shown
    [proposal] = json.loads(out.read_text())
    assert proposal["proposed"]["cut"] == 0.9
    assert len(proposal["curve"]) == 100
    call, _, body = Scripted.asked[-1]
    assert call == "POST /admin/tuning"
    assert (body["namespace"], body["threshold"], body["override"]) == ("default", 0.9, False)
    assert body["grounds"]["labels"] == 400


def test_tune_says_how_many_labels_it_needs_and_applies_nothing(
    url: str, script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    script["GET /admin/labels"] = [(200, labels(50))]
    assert main(["tune", "--url", url, "--apply"]) == 1
    assert "about 299 labels would be needed" in capsys.readouterr().out
    assert all(call != "POST /admin/tuning" for call, _, _ in Scripted.asked)
    script["GET /admin/labels"] = [(200, b"")]
    assert main(["tune", "--url", url]) == 1
    assert "there are no labels yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"mode": "threshold"}, "in force: threshold 0.9700"),
        ({"mode": "threshold", "threshold": 0.93}, "in force: threshold 0.9300"),
        ({"mode": "threshold", "confidence": 0.93}, "in force: threshold 0.9700"),
        ({"mode": "guarded"}, "in force: confidence 0.9500"),
        ({"mode": "guarded", "namespaces": {"default": {"confidence": 0.5}}}, "in force: confidence 0.5000"),
        ({"mode": "guarded", "namespaces": {"default": {"mode": "verified"}}}, "the error bound decides"),
    ],
)
def test_tune_shows_what_is_in_force_though_nothing_was_tuned(
    url: str, script: dict[str, Any], capsys: pytest.CaptureFixture[str], config: dict[str, Any], line: str
) -> None:
    script["GET /admin/tuning"] = [(200, {"tuned": [], "history": []})]
    script["GET /admin/config"] = [(200, {"embedder": "minilm", "verifier": "packaged", **config})]
    script["GET /admin/labels"] = [(200, labels(400, confidence=0.98))]
    assert main(["tune", "--url", url]) == 0
    assert line in capsys.readouterr().out


def test_tune_claims_nothing_of_models_that_it_does_not_know() -> None:
    other = {"embedder": "openai:some", "verifier": "packaged"}
    assert in_force(other, "default", Knob.THRESHOLD) is None
    assert in_force(other | {"threshold": 0.9}, "default", Knob.THRESHOLD) == 0.9
    judged = {"embedder": "minilm", "verifier": "packaged", "mode": "guarded"}
    assert in_force(judged, "default", Knob.THRESHOLD) == 0.5


def test_tune_says_where_a_cut_is_not_what_decides(
    url: str, script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    script["GET /admin/labels"] = [(200, labels(400, confidence=0.98))]
    assert main(["tune", "--url", url, "--knob", "confidence"]) == 0
    assert "in the mode threshold the cosine decides" in capsys.readouterr().out
    script["GET /admin/config"] = [(200, {"mode": "shadow"})]
    script["GET /admin/labels"] = [(200, labels(400))]
    assert main(["tune", "--url", url]) == 0
    assert "in the mode shadow the verifier decides" in capsys.readouterr().out


def test_the_plot_ends_where_everything_is_wrong(
    url: str, script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    script["GET /admin/labels"] = [(200, labels(400))]
    assert main(["tune", "--url", url, "--target-error", "0.4"]) == 0
    assert "100.00% wrong" in capsys.readouterr().out


def test_tune_plots_each_namespace(
    url: str,
    script: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    script["GET /admin/labels"] = [(200, labels(400, 3) + labels(10, namespace="a/b"))]
    assert main(["tune", "--url", url, "--plot", str(tmp_path / "p.png")]) == 1
    assert {file.name for file in tmp_path.iterdir()} == {"p-default.png", "p-a%2Fb.png"}
    assert (tmp_path / "p-default.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(tune_plot, "picture", lambda *_: False)
    script["GET /admin/labels"] = [(200, labels(400, 3))]
    main(["tune", "--url", url, "--plot", str(tmp_path / "q.png")])
    assert "|" in (tmp_path / "q.txt").read_text()
    assert "semcache[bench]" in capsys.readouterr().err


def test_tune_takes_a_file_of_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scored(pairs: Any, chosen: Any) -> tuple[list[Judged], Knob]:
        return [Judged(0.8, pair.same) for pair in pairs] * 700, Knob.CONFIDENCE

    file = tmp_path / "pairs.jsonl"
    said = {"cached": "x", "asked": "y", "same": True, "entry_id": "0"}
    rows = [{**said, "source": "shadow"}, {**said, "source": "feedback", "principal": "p"}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(tune_module, "_scored", scored)
    assert main(["tune", "--pairs", str(file), "--among", "hits"]) == 0
    shown = capsys.readouterr().out
    assert "proposed: confidence 0.8000" in shown
    assert "note: 1 labels of feedback left out" in shown


def test_one_voice_of_a_file_does_not_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It praises all that is wrong, nine times as often as the others speak."""

    async def scored(pairs: Any, chosen: Any) -> tuple[list[Judged], Knob]:
        loud = [Judged(0.8, True, voice="loud")] * 9000
        return [*loud, *[Judged(0.8, n % 50 > 0, voice=f"{n}") for n in range(1000)]], Knob.CONFIDENCE

    file = tmp_path / "pairs.jsonl"
    file.write_text('{"a": "x", "b": "y", "same": true}\n')
    monkeypatch.setattr(tune_module, "_scored", scored)
    assert main(["tune", "--pairs", str(file)]) == 1
    assert "no confidence can be vouched for" in capsys.readouterr().out


def test_tune_takes_nothing_else_for_labels(
    url: str, script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    script["GET /admin/labels"] = [(200, b"<html>\n")]
    assert main(["tune", "--url", url]) == 1
    assert capsys.readouterr().err == f"semcache: {url}/admin/labels did not answer with labels; is that semcache?\n"


def test_tune_proposes_nothing_by_a_part_of_the_labels(capsys: pytest.CaptureFixture[str]) -> None:
    class Breaks(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            part = labels(400)
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.close_connection = True

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Breaks) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert main(["tune", "--url", f"http://127.0.0.1:{server.server_port}"]) == 1
        server.shutdown()
    assert "no answer from" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--target-error", "2"], ["--level", "1"], ["--pairs", "none"]])
def test_a_wrong_aim_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", *arguments]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_train_passes_on_what_it_was_given(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        ran.append(command)
        if "--feedback" in command:
            ran.append([Path(command[command.index("--feedback") + 1]).read_text()])
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr("semcache.cli.train.subprocess.run", run)
    Scripted.answers = {"GET /admin/labels": [(200, labels(1))]}
    out = str(tmp_path / "w.npz")
    data = ["--data", str(tmp_path), "--out", out, "--calibration", str(tmp_path / "c.json"), "--pairs", "10"]
    assert main(["train", "--url", url, "--from-feedback", "-", *data]) == 0
    assert ran[0][2:] == ["semcache.verifier.train", *data, *ran[0][-2:]]
    assert json.loads(ran[1][0])["cached"] == "b"
    assert main(["train", "--start", "packaged", *data]) == 0
    assert ran[2][7:9] == ["--start", str(FILE)]
    told = capsys.readouterr().err
    assert "1 pairs" in told
    assert told.endswith(
        "set on every replica and start it anew:\n"
        f"  SEMCACHE_VERIFICATION__WEIGHTS_FILE={out}\n"
        f"  SEMCACHE_VERIFICATION__CALIBRATION_FILE={tmp_path / 'c.json'}\n"
    )


def test_train_tells_how_its_weights_come_to_be_served_only_where_it_made_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = [0, 1]
    done = type("Done", (), {"returncode": property(lambda _: ended[0])})
    monkeypatch.setattr("semcache.cli.train.subprocess.run", lambda *_, **__: done())
    monkeypatch.chdir(tmp_path)
    given = ["train", "--data", ".", "--out", "my w.npz"]
    assert main(given) == 0
    [head, command] = capsys.readouterr().err.splitlines()
    assert "served with what their scores are worth" in head
    again = shlex.split(command)
    assert again[:2] == ["semcache", "train"]
    (tmp_path / "my w.npz").touch()
    assert main([*again[1:-1], "c.json"]) == 0, "what it says to do is taken"
    assert f"WEIGHTS_FILE='{tmp_path / 'my w.npz'}'" in capsys.readouterr().err
    del ended[0]
    assert main(given) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from-feedback", "none"], "none: no such file"),
        (["--data", "none"], "--data none: no such folder"),
        (["--out", "none/w.npz"], "--out none/w.npz: no file can be written there"),
        (["--out", "."], "--out .: no file can be written there"),
        (["--calibration", "none/c.json"], "--calibration none/c.json: no file can be written there"),
        (["--start", "none"], "--start none: no such file"),
        (["--pairs", "-1"], "--pairs -1: no number of pairs"),
        (
            ["--pairs", "0", "--calibration", "c.json", "--start", "packaged"],
            "--pairs 0 calibrates weights as they are: name them twice, by --start and by --out",
        ),
        (["--from-feedback", "broken"], "broken, line 2: Input data was truncated"),
        (["--from-feedback", "empty"], "empty teach nothing: no pair of prompts on which the voices agree"),
        (["--from-feedback", "other"], "other, line 1: `a` and `b` are text, `same` is true or false"),
    ],
)
def test_train_looks_first_at_what_it_would_stumble_over_in_the_end(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("semcache.cli.train.subprocess.run", None)
    (tmp_path / "empty").touch()
    (tmp_path / "broken").write_text("\nno\n")
    (tmp_path / "other").write_text('{"a": "x", "b": "y", "same": "yes"}\n')
    assert main(["train", "--data", ".", "--out", "w.npz", *arguments]) == 1
    assert capsys.readouterr().err == f"semcache: {told}\n"


def test_train_asks_for_labels_that_teach_something(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Scripted.answers = {"GET /admin/labels": [(200, b"")]}
    data = ["--data", str(tmp_path), "--out", str(tmp_path / "w.npz")]
    assert main(["train", "--url", url, "--from-feedback", "-", *data]) == 1
    assert f"the labels of {url} teach nothing" in capsys.readouterr().err
