"""The packaged model: prepared once, soundly; served without torch."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from semcache.embedders import packaged
from semcache.embedders.minilm import MiniLm, Runtime, alike
from semcache.embedders.prepare import CHECK_SET
from semcache.engines import prepared
from semcache.engines.package import fingerprint
from semcache.errors import EmbedderUnavailable
from tests.embedders.processes import pids_with, wait_until
from tests.patience import LONG_S


def encoder(cache_dir: Path) -> MiniLm:
    return MiniLm(cache_dir, threads=1, batch=16, max_windows=64)


@pytest.fixture(scope="module")
def loaded(prepared_models_dir: Path) -> MiniLm:
    made = encoder(prepared_models_dir)
    made.load()
    return made


def test_the_serving_process_never_imports_torch(prepared_models_dir: Path) -> None:
    script = f"""
import asyncio, sys
from pathlib import Path
import semcache.embedders
assert not {{"openvino", "tokenizers", "openai", "numpy.random"}} & set(sys.modules), "importing the room must be light"
from semcache.embedders.batching import BatchingEmbedder
from semcache.embedders.minilm import MiniLm
async def main():
    encoder = MiniLm(Path({str(prepared_models_dir)!r}), threads=1, batch=8, max_windows=8)
    embedder = BatchingEmbedder(encoder, queue=8, batch=8, deadline_s=150)
    await embedder.start()
    while not embedder.state().ready:
        await asyncio.sleep(0.01)
    [row] = await embedder.embed(["hello"])
    assert row.vectors.shape == (1, 384)
    await embedder.aclose()
asyncio.run(main())
print(sorted({{"torch", "transformers", "sentence_transformers", "openai"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG_S, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_space_is_known_before_any_load_and_stays(loaded: MiniLm, tmp_path: Path) -> None:
    fresh = encoder(tmp_path)
    assert fresh.space == loaded.space == packaged.vector_space(packaged.REFERENCE)
    assert loaded.space.startswith("minilm-")
    assert len(loaded.space) < 40
    assert packaged.vector_space("bf16-0.9900") != loaded.space
    assert fingerprint("m", "ab", "c") != fingerprint("m", "a", "bc")


def test_models_that_were_kept_compute_the_same_to_the_bit(prepared_models_dir: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(packaged.prepared_dir(prepared_models_dir), tmp_path / "model"))
    manifest = prepared.read(packaged.KIND, folder)

    def vectors(*, kept: bool) -> np.ndarray:
        files = manifest.files if kept else None
        runtime = Runtime(folder, precision=manifest.precision, threads=2, batch=16, files=files)
        rows = [runtime.tokens(text) for text in CHECK_SET]
        return np.concatenate([runtime.encode_rows(rows), *(runtime.encode_rows([row]) for row in rows)])

    made, written = vectors(kept=False), vectors(kept=True)
    (folder / "model.xml").unlink()  # so that nothing can be compiled
    assert (made == written).all()
    assert (made == vectors(kept=True)).all()


def test_a_lossy_preparation_is_a_space_of_its_own(prepared_models_dir: Path, tmp_path: Path) -> None:
    lossy = packaged.prepared_dir(tmp_path)
    promised = encoder(tmp_path)
    assert promised.space == packaged.vector_space(packaged.REFERENCE)
    shutil.copytree(packaged.prepared_dir(prepared_models_dir), lossy)
    (lossy / "manifest.json").unlink()
    packaged.write_manifest(lossy, "bf16", 0.97)
    with pytest.raises(EmbedderUnavailable, match="restart"):
        promised.load()
    restarted = encoder(tmp_path)
    restarted.load()
    assert restarted.space == packaged.vector_space("bf16-0.9700")


def test_long_texts_have_even_windows_and_beyond_the_most_none(loaded: MiniLm) -> None:
    word_pieces = "the cat sat on a mat and "
    short, long, endless = loaded.encode([word_pieces * 36, word_pieces * 37, word_pieces * 1000])
    assert short is not None
    assert long is not None
    assert endless is None
    assert (len(short.vectors), short.weights.tolist()) == (1, [252.0])
    assert long.weights.tolist() == [24.0, 52.0, 52.0, 51.0, 52.0, 52.0, 24.0]
    assert long.vectors.shape == (7, 384)


def test_a_batch_changes_no_vector(loaded: MiniLm) -> None:
    texts = ["one", "two words", "a somewhat longer text of a dozen words or so, to pad the others"] * 7
    together = loaded.encode(texts)
    for text, row in zip(texts[:3], together[:3], strict=True):
        [alone] = loaded.encode([text])
        assert alone is not None
        assert row is not None
        assert float(alone.vectors[0] @ row.vectors[0]) > 0.9999
        assert np.linalg.norm(row.vectors[0]) == pytest.approx(1.0, abs=1e-6)


def test_runs_side_by_side_change_no_vector(loaded: MiniLm, prepared_models_dir: Path) -> None:
    wide = MiniLm(prepared_models_dir, threads=3, batch=16, max_windows=64)
    wide.load()
    texts = [" ".join(["pear", "plum", "fig"] * (1 + at % 40)) + f" {at}" for at in range(70)]
    for ours, theirs in zip(wide.encode(texts), loaded.encode(texts), strict=True):
        assert ours is not None
        assert theirs is not None
        assert ours.vectors.shape == theirs.vectors.shape
        assert float((ours.vectors * theirs.vectors).sum(axis=1).min()) > 0.9999


def test_a_text_alone_has_the_vector_that_it_has_among_others(loaded: MiniLm) -> None:
    # longest first: what the one before has left behind must not show
    texts = [" ".join(["apple"] * words) for words in (31, 30, 29, 23, 22, 21, 15, 14, 13, 2, 1, 0)]
    together = loaded.encode(texts)
    for text, row in zip(texts, together, strict=True):
        [alone] = loaded.encode([text])
        assert alone is not None
        assert row is not None
        assert float(alone.vectors[0] @ row.vectors[0]) > 0.9999, text
        assert np.linalg.norm(alone.vectors[0]) == pytest.approx(1.0, abs=1e-6)


def test_alike_lengths_run_together() -> None:
    lengths = [12, 254, 9, 11, 130, 10, 3] + [12] * 20
    runs = alike(lengths, 8)
    assert sorted(at for run in runs for at in run) == list(range(len(lengths)))
    assert max(len(run) for run in runs) == 8
    assert runs[:2] == [[1], [4]]
    assert alike([20] * 64, 64) == [list(range(64))]
    assert alike([], 64) == []


def test_the_runtime_reports_to_nobody() -> None:
    script = (
        "import sys; from semcache.engines import package; package.wanted_precision(); "
        "sys.exit(any(name.startswith('openvino_telemetry') and module for name, module in sys.modules.items()))"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=2 * LONG_S, check=False).returncode == 0


def test_a_vector_is_its_callers_own(loaded: MiniLm) -> None:
    [first] = loaded.encode(["What is the capital of France?"])
    assert first is not None
    before = first.vectors.copy()
    loaded.encode(["How do I reset my password?"])
    assert (first.vectors == before).all()


def test_a_damaged_model_is_prepared_anew_once_for_all(
    prepared_models_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = packaged.prepared_dir(tmp_path)
    shutil.copytree(packaged.prepared_dir(prepared_models_dir), folder)
    with (folder / "model.bin").open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    with pytest.raises(EmbedderUnavailable, match="SHA-256"):
        prepared.verify(packaged.KIND, folder)
    (folder.parent / f"{folder.name}.tmp-left-over").mkdir()

    encoders = [encoder(tmp_path), encoder(tmp_path)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(MiniLm.load, encoders))
    said = [record.getMessage() for record in caplog.records]
    assert sum("converting" in line for line in said) == 1
    assert sum("prepared by another process" in line for line in said) == 1
    manifest = prepared.verify(packaged.KIND, folder)
    assert manifest.equivalence == packaged.REFERENCE
    assert manifest.least_cosine > 0.9995
    assert [path.name for path in tmp_path.iterdir() if "tmp-" in path.name] == []
    [row] = encoders[1].encode(["hello"])
    assert row is not None


def test_a_preparation_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbedderUnavailable, match=r"(?s)preparing the packaged model failed .*NotADirectoryError"):
        encoder(tmp_path / "file" / "models").load()


def test_the_end_of_the_service_ends_the_preparation(tmp_path: Path) -> None:
    made = encoder(tmp_path / uuid.uuid4().hex)
    failure: list[BaseException] = []

    def load() -> None:
        try:
            made.load()
        except EmbedderUnavailable as error:
            failure.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    wait_until(lambda: bool(pids_with("semcache.embedders.prepare", made._cache_dir.name)))
    made.abort()
    thread.join(10)
    assert not thread.is_alive()
    assert failure
    assert not pids_with("semcache.embedders.prepare", made._cache_dir.name)


def test_a_killed_service_leaves_no_preparation_behind(tmp_path: Path) -> None:
    name = uuid.uuid4().hex
    script = (
        "from pathlib import Path; from semcache.embedders.minilm import MiniLm; "
        f"MiniLm(Path({str(tmp_path / name)!r}), threads=1, batch=8, max_windows=8).load()"
    )
    service = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    wait_until(lambda: bool(pids_with("embedders.prepare", name)))
    os.kill(service.pid, 9)
    service.wait()
    wait_until(lambda: not pids_with("embedders.prepare", name))
