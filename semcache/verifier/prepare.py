"""Convert the verifier for OpenVINO: `python -m semcache.verifier.prepare FOLDER WEIGHTS`. Run as a child process.

The only module that imports torch on behalf of a verifier in service.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from semcache.engines import package, prepared
from semcache.errors import Unavailable
from semcache.verifier import packaged, packing, weights
from semcache.verifier.inputs import PairInput, pair_input

log = logging.getLogger("prepare")

CHECK_SET: Final = (
    ("How do I reset my password?", "how can i change my password"),
    ("How do I enable two-factor authentication?", "How do I disable two-factor authentication?"),
    ("What is the capital of France?", "france capital city"),
    ("What is the capital of France?", "What is the capital of Finland?"),
    ("Who wrote Pride and Prejudice?", "In which year was Pride and Prejudice published?"),
    ("What is 12% of 250?", "What is 12% of 520?"),
    ("flights from Oslo to Rome on Friday", "flights from Rome to Oslo on Friday"),
    ("Translate 'good morning' into Spanish.", "How do you say good morning in Spanish?"),
    ("Write a Python function that reverses a linked list.", "reverse a linked list in Python, recursively"),
    ("SELECT name FROM users WHERE age > 30 ORDER BY name;", "SELECT name FROM users WHERE age < 30 ORDER BY name;"),
    ("Why does my laptop battery drain so fast overnight?", "My laptop loses charge while it sleeps. Why?"),
    ("Is it safe to take ibuprofen with alcohol?", "Is it safe to take ibuprofen without food?"),
    ("Wie spät ist es?", "Wie viel Uhr ist es gerade?"),
    ("¿Cuál es la raíz cuadrada de 144?", "What is the square root of 144?"),
    ("今天天气怎么样？", "明天天气怎么样？"),
    ("Which is heavier: a kilogram of feathers or a kilogram of steel?", "asdf qwer zxcv"),
    ("hello", "hello"),
    (
        "My order 48213 arrived damaged; I would like a refund rather than a replacement.",
        "My order 48213 arrived damaged; I would like a replacement rather than a refund.",
    ),
    (
        "A train leaves at 9:40 and travels 180 km at 60 km/h. It then waits for a quarter of an hour and returns by "
        "the same way at 90 km/h. At what time is it back where it started, and how long did it move altogether?",
        "A train leaves at 9:40, drives 180 km at 60 km/h, stops for fifteen minutes, and comes back at 90 km/h. When "
        "does it arrive, and for how long was it in motion?",
    ),
    (
        "Summarise the causes of the First World War in three sentences for a class of fourteen-year-olds, without "
        "dates, and close with one question that makes them think about what could have been done differently then.",
        "Summarise the causes of the Second World War in three sentences for a class of fourteen-year-olds, without "
        "dates, and close with one question that makes them think about what could have been done differently then.",
    ),
)
"""Pairs of many kinds and lengths: torch and the prepared model must agree on each of them."""


def main(arguments: list[str]) -> int:
    """Prepare the verifier in the folder given; 0 when it lies there, sound."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    os.nice(10)  # nobody waits for it: until it is there, semantic hits are decided without
    folder, file = (Path(argument) for argument in arguments)
    if packaged.prepared_dir(folder.parent, file) != folder:  # it is called by what the service knows the weights by
        raise Unavailable(f"{file} is not what it was when the service started: start it anew")
    return prepared.prepare(packaged.KIND, folder, lambda temporary: _make(temporary, file))


def _make(folder: Path, file: Path) -> None:
    source = package.model_dir()
    prepared.check_digest(source / "model.safetensors", package.WEIGHTS_SHA256)
    prepared.check_digest(source / "tokenizer.json", package.TOKENIZER_SHA256)
    log.info("converting the verifier of %s", file)
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    pairs = list(_inputs(folder))
    model, reference = _convert(source, file, pairs)
    form, precision, most_off = _choose(folder, model, pairs, reference)
    log.info("%s, %s agrees with torch to %.4f of a logit", form, precision, most_off)
    made_of = packaged.fingerprint(file)
    prepared.write(
        folder, packaged.manifest(folder, made_of=made_of, form=form, precision=precision, most_off=most_off)
    )


def _inputs(folder: Path) -> Iterator[PairInput]:
    """The check set, both ways round."""
    tokenizer = package.tokenizer(folder / "tokenizer.json")
    for a, b in CHECK_SET:
        first, second = (tokenizer.encode(text, add_special_tokens=False).ids for text in (a, b))
        for one in (pair_input(first, second), pair_input(second, first)):
            if one is not None:
                yield one


def _convert(source: Path, file: Path, pairs: Sequence[PairInput]) -> tuple[Any, NDArray[np.float32]]:
    """The network for packed pairs as OpenVINO has it, and torch's own logits of the pairs, one by one."""
    import torch

    from semcache.verifier import network

    openvino = package.runtime()

    class Rows(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        """`network.CrossEncoder` over rows of packed pairs, of which none sees another."""

        def __init__(self, whole: network.CrossEncoder) -> None:
            super().__init__()
            self.whole = whole

        def forward(self, ids: Any, types: Any, positions: Any, segments: Any, starts: Any) -> Any:
            bert = self.whole.bert
            apart = segments.unsqueeze(2) != segments.unsqueeze(1)
            mask = (apart.to(torch.float32) * -1e4).unsqueeze(1)
            states = bert.embeddings(input_ids=ids, token_type_ids=types, position_ids=positions)
            states = bert.encoder(states, attention_mask=mask).last_hidden_state[0]
            own = (segments == torch.arange(packing.PAIRS).unsqueeze(1)).to(states.dtype)
            mean = (own @ states) / own.sum(1, keepdim=True).clamp(min=1.0)
            pooled = torch.cat([states[starts], mean], dim=1)
            return self.whole.out(torch.nn.functional.gelu(self.whole.hidden(pooled))).squeeze(-1)

    # Eager attention is the form that traces into plain matrix products.
    whole = network.fresh(source, attention="eager", dropout=0.0)
    try:
        network.load(whole, weights.load(file))
    except (KeyError, RuntimeError, ValueError, OSError) as error:
        raise Unavailable(f"the weights in {file} do not fit: {str(error)[:200]}") from None  # which may name them all
    whole.eval()
    rows = Rows(whole).eval()
    example = packing.pack(pairs[:3], packing.width_of(sum(len(one.ids) for one in pairs[:3]), ()))
    with torch.no_grad():
        arrays = {name: torch.from_numpy(array) for name, array in example._asdict().items()}
        model = openvino.convert_model(rows, example_input=arrays)
        logits = [
            whole(torch.tensor([one.ids]), torch.tensor([one.types]), torch.ones((1, len(one.ids)), dtype=torch.long))
            for one in pairs
        ]
    model.reshape({name: [1, -1] if array.ndim == 2 else [packing.PAIRS] for name, array in example._asdict().items()})
    return model, torch.cat(logits).numpy()


def _choose(
    folder: Path, model: Any, pairs: Sequence[PairInput], reference: NDArray[np.float32]
) -> tuple[packaged.Form, package.Precision, float]:
    """Leave in `folder` the fastest form that agrees with torch; which one, and by how much it is off.

    Raises Unavailable where none agrees.
    """
    openvino = package.runtime()
    precisions: tuple[package.Precision, ...] = ("bf16", "f32") if package.wanted_precision() == "bf16" else ("f32",)
    for form in ("w8", "whole"):
        openvino.save_model(_with_8_bits(model.clone()) if form == "w8" else model, folder / "model.xml", False)
        for precision in precisions:
            off = _most_off(folder, form, precision, pairs, reference)
            if off <= packaged.MOST_OFF:
                return form, precision, off
            log.warning("%s, %s is off by %.3f", form, precision, off)
    raise Unavailable("no form of the verifier agrees with torch on this machine")


def _with_8_bits(model: Any) -> Any:
    """Every matrix of weights as int8, a scale for each output: as `weights` ships them."""
    op = package.runtime().opset13
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        constant = node.input_value(1).get_node()
        if constant.get_type_name() != "Constant" or len(constant.shape) != 2 or min(constant.shape) < 2:
            continue
        matrix = constant.get_data()
        axis = 1 if node.get_attributes()["transpose_b"] else 0
        scale = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True), 1e-12).astype(np.float32) / 127
        rounded = np.clip(np.rint(matrix / scale), -127, 127).astype(np.int8)
        whole = op.multiply(op.convert(op.constant(rounded), "f32"), op.constant(scale))
        node.input(1).replace_source_output(whole.output(0))
    return model


def _most_off(
    folder: Path,
    form: packaged.Form,
    precision: package.Precision,
    pairs: Sequence[PairInput],
    reference: NDArray[np.float32],
) -> float:
    """Largest difference to `reference`, in the serving process's own code: alone, together, and in every width."""
    from semcache.verifier.runtime import WIDTHS, Runtime

    worst = 0.0
    order = random.Random(0).sample(range(len(pairs)), len(pairs))
    for widths in (WIDTHS, ()):
        runtime = Runtime(folder, form=form, precision=precision, threads=1, widths=widths)
        alone = np.concatenate([runtime.logits([one]) for one in pairs])
        together = np.empty_like(reference)
        together[order] = runtime.logits([pairs[at] for at in order])
        worst = max(worst, *(float(np.abs(found - reference).max()) for found in (alone, together)))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
