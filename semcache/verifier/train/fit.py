"""The training loop: pairs in, a trained network out. Seeded; batches of alike length; bf16 where the CPU has it."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from semcache.verifier.inputs import PairInput
from semcache.verifier.network import CrossEncoder

log = logging.getLogger(__name__)

BATCH: Final = 64
MOST_TOKENS: Final = 4096
"""Of one batch, padding included: longer prompts run in smaller batches."""
POOL: Final = 40
"""Batches that are sorted by length together: little padding, and still a random order."""


class Example(msgspec.Struct, frozen=True):
    """One input with its target in [0, 1]."""

    input: PairInput
    target: float


def fit(
    network: CrossEncoder,
    examples: Sequence[Example],
    *,
    rate: float,
    seed: int,
    checkpoint: Callable[[], None] = lambda: None,
    every_s: float = 600.0,
) -> None:
    """One pass over `examples` with AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), linear warm-up and decay.

    `rate`: the highest learning rate. `checkpoint` is called about every `every_s` seconds.
    """
    torch.manual_seed(seed)
    batches = list(_batches(examples, random.Random(seed)))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    warm = max(1, len(batches) // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.02, (len(batches) - step) / (len(batches) - warm + 1)))
    )
    network.train()
    began = saved = time.monotonic()
    loss_sum, seen = 0.0, 0
    for number, batch in enumerate(batches, 1):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(*_padded([example.input for example in batch]))
        targets = torch.tensor([example.target for example in batch])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        loss_sum += loss.item() * len(batch)
        seen += len(batch)
        if number % 100 == 0 or number == len(batches):
            spent = time.monotonic() - began
            left = spent / number * (len(batches) - number)
            log.info(
                "%d/%d batches, loss %.4f, %.0f min left", number, len(batches), loss_sum / seen, math.ceil(left / 60)
            )
            loss_sum, seen = 0.0, 0
        if time.monotonic() - saved > every_s:
            checkpoint()
            saved = time.monotonic()
    network.eval()


def score(network: CrossEncoder, inputs: Sequence[PairInput]) -> NDArray[np.float32]:
    """float32 (inputs,): logits, without dropout."""
    network.eval()
    result = np.empty(len(inputs), np.float32)
    order = sorted(range(len(inputs)), key=lambda at: len(inputs[at].ids))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            result[chosen] = network(*_padded([inputs[at] for at in chosen])).float().numpy()
    return result


def _batches(examples: Sequence[Example], rng: random.Random) -> Iterator[list[Example]]:
    order = list(examples)
    rng.shuffle(order)
    for start in range(0, len(order), POOL * BATCH):
        pool = sorted(order[start : start + POOL * BATCH], key=lambda example: len(example.input.ids))
        cut: list[list[Example]] = [[]]
        for example in pool:
            if len(cut[-1]) == BATCH or (len(cut[-1]) + 1) * len(example.input.ids) > MOST_TOKENS:
                cut.append([])
            cut[-1].append(example)
        rng.shuffle(cut)
        yield from cut


def _padded(inputs: Sequence[PairInput]) -> tuple[Any, Any, Any]:
    """int64 (batch, tokens): ids, types, mask."""
    width = max(len(one.ids) for one in inputs)
    ids = torch.zeros((len(inputs), width), dtype=torch.long)
    types = torch.zeros_like(ids)
    mask = torch.zeros_like(ids)
    for line, one in enumerate(inputs):
        ids[line, : len(one.ids)] = torch.tensor(one.ids)
        types[line, : len(one.types)] = torch.tensor(one.types)
        mask[line, : len(one.ids)] = 1
    return ids, types, mask
