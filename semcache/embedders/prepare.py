"""Convert the packaged model for OpenVINO: `python -m semcache.embedders.prepare FOLDER`. Run as a child process.

The only module that imports torch on behalf of the default embedder.
"""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semcache.embedders import packaged
from semcache.engines import package, prepared

log = logging.getLogger("prepare")

CHECK_SET = (
    "hello",
    "How do I reset my password?",
    "how can i change my password",
    "What is the capital of France?",
    "Who wrote Pride and Prejudice, and in which year was it published?",
    "Is 17 a prime number?",
    "What is 12% of 250?",
    "Translate 'good morning' into Spanish.",
    "Write a Python function that reverses a linked list.",
    "SELECT name FROM users WHERE age > 30 ORDER BY name;",
    "Why does my laptop battery drain so fast overnight?",
    "Do not enable two-factor authentication on my account.",
    "Please enable two-factor authentication on my account.",
    "Summarise the causes of the First World War in three sentences.",
    "What's the weather in Tokyo right now?",
    "Explain quantum entanglement to a ten-year-old.",
    "Wie spät ist es?",
    "¿Cuál es la raíz cuadrada de 144?",
    "今天天气怎么样？",
    "Best way to learn to play the guitar as an adult",
    "Which is heavier: a kilogram of feathers or a kilogram of steel?",
    "asdf qwer zxcv",
    "My order #48213 arrived damaged; I would like a refund rather than a replacement.",
    "A train leaves at 9:40 and travels 180 km at 60 km/h. It then waits for a quarter of an hour and returns by the "
    "same way at 90 km/h. At what time is it back where it started, and how long did it move altogether?",
)
"""Short texts of many kinds: torch and the prepared model must agree on each of them."""


def main(arguments: list[str]) -> int:
    """Prepare the model in the folder given; 0 when it lies there, sound."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    return prepared.prepare(packaged.KIND, Path(arguments[0]), _make)


def _make(folder: Path) -> None:
    source = package.model_dir()
    prepared.check_digest(source / "model.safetensors", package.WEIGHTS_SHA256)
    prepared.check_digest(source / "tokenizer.json", package.TOKENIZER_SHA256)
    log.info("converting %s", source)
    reference = _convert(source, folder)
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    precision, cosine = _best_precision(folder, reference)
    log.info("%s agrees with torch to cosine %.6f", precision, cosine)
    packaged.write_manifest(folder, precision, cosine)


def _convert(source: Path, target: Path) -> NDArray[np.float32]:
    """Write the OpenVINO model into `target`; returns torch's own unit vectors of the check set."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    openvino = package.runtime()

    class Pooled(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        """The transformer, the mean over its tokens, unit length: what sentence-transformers does for this model."""

        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9), dim=1)

    # Eager attention is the form that traces into plain matrix products.
    model = Pooled(AutoModel.from_pretrained(str(source), attn_implementation="eager").eval())
    tokenizer = AutoTokenizer.from_pretrained(str(source))
    inputs = dict(tokenizer(list(CHECK_SET), padding=True, return_tensors="pt"))
    example = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        converted = openvino.convert_model(model, example_input=example)
        reference: NDArray[np.float32] = model(**example).numpy()
    openvino.save_model(converted, target / "model.xml", compress_to_fp16=False)
    return reference


def _best_precision(folder: Path, reference: NDArray[np.float32]) -> tuple[package.Precision, float]:
    """The fastest precision that agrees with torch, or the closest where none does, and its least cosine."""
    wishes: tuple[package.Precision, ...] = ("bf16", "f32") if package.wanted_precision() == "bf16" else ("f32",)
    seen: list[tuple[float, package.Precision]] = []
    for precision in wishes:
        cosine = _least_cosine(folder, precision, reference)
        if cosine >= packaged.LEAST_COSINE:
            return precision, cosine
        log.warning("%s agrees with torch only to cosine %.6f", precision, cosine)
        seen.append((cosine, precision))
    cosine, precision = max(seen)
    return precision, cosine


def _least_cosine(folder: Path, precision: package.Precision, reference: NDArray[np.float32]) -> float:
    """Least cosine to `reference` over the check set, in the serving process's own code: together and one by one."""
    from semcache.embedders.minilm import Runtime

    runtime = Runtime(folder, precision=precision, threads=1, batch=8)
    rows = [runtime.tokens(text) for text in CHECK_SET]
    together = runtime.encode_rows(rows)
    alone = np.concatenate([runtime.encode_rows([row]) for row in rows])
    return float(min((vectors * reference).sum(axis=1).min() for vectors in (together, alone)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
