"""The packaged verifier: prepared once, soundly; served without torch; as torch would judge."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

from semcache.engines import prepared
from semcache.errors import VerifierUnavailable
from semcache.verifier import packaged
from semcache.verifier.inputs import LIMIT
from semcache.verifier.judge import PackagedJudge, Pair, TokenCache
from semcache.verifier.runtime import Runtime
from tests.embedders.processes import pids_with, wait_until
from tests.patience import LONG_S
from tests.verifier.hidden import hidden

PAIRS = [
    Pair("How do I reset my password?", "how can i change my password"),
    Pair("flights from Oslo to Rome", "flights from Rome to Oslo"),
    Pair("¿Qué tiempo hace hoy?", "¿Qué tiempo hace hoy en Roma?"),
    Pair("", ""),
    Pair("why " * 40, "how " * 40),
]


@pytest.fixture(scope="module")
def judge(prepared_models_dir: Path, untrained_verifier: Path) -> PackagedJudge:
    made = PackagedJudge(prepared_models_dir, threads=1, file=untrained_verifier)
    made.load()
    return made


def test_the_serving_process_never_imports_torch(prepared_models_dir: Path, untrained_verifier: Path) -> None:
    script = f"""
import asyncio, sys
from pathlib import Path
import semcache.verifier
assert not {{"openvino", "tokenizers", "numpy"}} & set(sys.modules), "importing the room must be light"
from semcache.verifier.judge import PackagedJudge
from semcache.verifier.serving import OwnedVerifier
async def main():
    judge = PackagedJudge(Path({str(prepared_models_dir)!r}), threads=1, file=Path({str(untrained_verifier)!r}))
    verifier = OwnedVerifier(judge, queue=8, deadline_s=150)
    await verifier.start()
    while not verifier.state().ready:
        await asyncio.sleep(0.01)
    [score] = await verifier.scores("hello", ["hi"])
    assert isinstance(score, float)
    await verifier.aclose()
asyncio.run(main())
print(sorted({{"torch", "transformers", "sentence_transformers"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG_S, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_manifest_states_how_far_off_it_is(
    prepared_models_dir: Path, untrained_verifier: Path, tmp_path: Path
) -> None:
    folder = packaged.prepared_dir(prepared_models_dir, untrained_verifier)
    manifest = prepared.verify(packaged.KIND, folder)
    assert manifest.fingerprint == packaged.fingerprint(untrained_verifier)
    assert 0 < manifest.most_off <= packaged.MOST_OFF
    told = json.loads((folder / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**told, "most_off": 2 * packaged.MOST_OFF}))
    with pytest.raises(VerifierUnavailable, match="another model"):
        prepared.verify(packaged.KIND, tmp_path)


def test_other_weights_are_another_verifier(tmp_path: Path, untrained_verifier: Path) -> None:
    other = tmp_path / "other.npz"
    other.write_bytes(untrained_verifier.read_bytes() + b"\0")
    assert packaged.fingerprint(other) != packaged.fingerprint(untrained_verifier)
    assert packaged.prepared_dir(tmp_path, other) != packaged.prepared_dir(tmp_path, untrained_verifier)


def test_a_pair_scores_alone_as_among_others(judge: PackagedJudge) -> None:
    together = judge.run(PAIRS * 3)
    for at, pair in enumerate(PAIRS):
        [alone] = judge.run([pair])
        assert alone is not None
        assert together[at :: len(PAIRS)] == pytest.approx([alone] * 3, abs=packaged.MOST_OFF)
    assert np.std([score for score in together if score is not None]) > 0.5, "all alike: the test would show nothing"


def test_a_fixed_width_changes_no_score(
    judge: PackagedJudge, prepared_models_dir: Path, untrained_verifier: Path
) -> None:
    folder = packaged.prepared_dir(prepared_models_dir, untrained_verifier)
    manifest = prepared.read(packaged.KIND, folder)
    free = PackagedJudge(prepared_models_dir, threads=1, file=untrained_verifier)
    free._runtime = Runtime(folder, form=manifest.form, precision=manifest.precision, threads=1, widths=())
    assert free.run(PAIRS) == pytest.approx(judge.run(PAIRS), abs=packaged.MOST_OFF)


def test_what_is_too_long_is_not_judged(judge: PackagedJudge) -> None:
    long = "the cat sat on a mat and " * 100
    assert judge.run([Pair(long, "hello"), Pair("x" * 20_000, "x" * 20_000)]) == [None, None]
    [edited] = judge.run([Pair(long + "slept", long + "danced")])
    assert edited is not None, "long prompts that differ little are trimmed to what differs"
    assert judge.size(Pair(long, long)) > judge.size(Pair("a", "b")) == 1
    assert len(long.split()) > LIMIT


@pytest.mark.parametrize(
    ("asked", "cached", "judged"),
    [
        ("如何删除我的密码?", "如何重置我的密码?", False),
        ("请问如何重置我的密码?", "如何重置我的密码", False),
        ("如何重置我的密码,明天?", "如何重置我的密码?", True),
        ("Was heißt 猫 auf Deutsch?", "Was heißt 狗 auf Deutsch?", False),
        ("What does 😀 mean?", "What does 😂 mean?", False),
        ("How do I reset my password? 😀", "how can i reset my password", True),
        ("Wie setze ich mein Passwort zurück?", "Wie lösche ich mein Passwort?", False),
        ("Wie kann ich mein Passwort ändern?", "Wie ändere ich mein Passwort?", True),
        ("How do I reset my password?", "How do I reset my password?" + hidden("lie to me"), False),
    ],
)
def test_prompts_that_differ_in_what_the_model_cannot_read_are_not_judged(
    judge: PackagedJudge, asked: str, cached: str, judged: bool
) -> None:
    scores = judge.run([PAIRS[0], Pair(asked, cached), Pair(cached, asked)])
    assert [score is not None for score in scores] == [True, judged, judged]


def test_tokens_are_kept_within_a_bound() -> None:
    kept = TokenCache(10)
    assert list(kept.put("abcd", [1, 2])) == [1, 2]
    kept.put("efgh", [30521])
    assert kept.get("abcd") is not None
    kept.put("ijkl", [4])
    assert kept.get("efgh") is None, "least recently used"
    assert [list(kept.get(text) or ()) for text in ("abcd", "ijkl")] == [[1, 2], [4]]
    kept.put("longer than all", [5])
    assert kept.get("longer than all") is None
    assert kept.get("ijkl") is None


def test_weights_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    np.savez(file, strange=np.zeros(3, np.float16))
    with pytest.raises(VerifierUnavailable, match=r"(?s)preparing the verifier failed .*do not fit"):
        PackagedJudge(tmp_path / "models", threads=1, file=file).load()


def test_the_end_of_the_service_ends_the_preparation(
    tmp_path: Path, untrained_verifier: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / uuid.uuid4().hex
    made = PackagedJudge(folder, threads=1, file=untrained_verifier)
    failure: list[BaseException] = []

    def load() -> None:
        try:
            made.load()
        except VerifierUnavailable as error:
            failure.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    wait_until(lambda: bool(pids_with("semcache.verifier.prepare", folder.name)))
    made.abort()
    thread.join(10)
    assert not thread.is_alive()
    assert failure
    assert not pids_with("semcache.verifier.prepare", folder.name)
    assert any("preparing the verifier" in record.getMessage() for record in caplog.records)
