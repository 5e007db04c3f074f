"""Cosines of the packaged embedder, in torch: what calibration weighs beside the score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from semcache.verifier.train.tokens import Tokens, package_folder

_BATCH = 64
_MOST_TOKENS = 254


def cosines(pairs: Sequence[tuple[str, str]], tokens: Tokens) -> NDArray[np.float64]:
    """float64 (pairs,): cosine of the mean-pooled vectors; texts beyond one window are cut."""
    texts = sorted({text for pair in pairs for text in pair})
    vectors = _vectors([tokens.ids(text)[:_MOST_TOKENS] for text in texts])
    at = {text: number for number, text in enumerate(texts)}
    return np.array([float(vectors[at[a]] @ vectors[at[b]]) for a, b in pairs])


def _vectors(rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """float32 (rows, width): unit vectors."""
    model = AutoModel.from_pretrained(str(package_folder())).eval()
    result = np.empty((len(rows), model.config.hidden_size), np.float32)
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            width = 2 + max(len(rows[at]) for at in chosen)
            ids = torch.zeros((len(chosen), width), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for line, at in enumerate(chosen):
                row = [101, *rows[at], 102]
                ids[line, : len(row)] = torch.tensor(row)
                mask[line, : len(row)] = 1
            states = model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * weights).sum(1) / weights.sum(1)
            result[chosen] = torch.nn.functional.normalize(pooled.float(), dim=1).numpy()
    return result
