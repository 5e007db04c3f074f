"""The verifier's network in torch: for training, and for converting it once for serving. Never in a serving process.

A cross-encoder (Nogueira & Cho 2019, arXiv:1901.04085; Reimers & Gurevych 2019, arXiv:1908.10084): both prompts in one
input, so that each token of one is weighed against each of the other. Its encoder starts from the packaged
all-MiniLM-L6-v2; the word embeddings stay the packaged ones, everything else is trained and shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from semcache.verifier.inputs import TYPES

FROZEN = "bert.embeddings.word_embeddings.weight"
"""The one tensor that is not shipped: it is the packaged model's own."""


class SharedDropout(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """Dropout with one mask for all tokens of an input (Gal & Ghahramani 2016, arXiv:1512.05287).

    As many random numbers less as an input has tokens: on a CPU, drawing them takes a tenth of a training step.
    """

    def __init__(self, part: float) -> None:
        super().__init__()
        self.part = part

    def forward(self, states: Any) -> Any:
        """float (batch, tokens, width), or anything else unchanged."""
        if not self.training or not self.part or states.dim() != 3:
            return states
        kept = torch.rand(states.shape[0], 1, states.shape[2], device=states.device) >= self.part
        return states * (kept / (1 - self.part)).to(states.dtype)


class CrossEncoder(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """Logit of 'one answer serves both' for each input."""

    def __init__(self, bert: Any) -> None:
        super().__init__()
        self.bert = bert
        width = bert.config.hidden_size
        self.hidden = torch.nn.Linear(2 * width, width)
        self.out = torch.nn.Linear(width, 1)

    def forward(self, input_ids: Any, token_type_ids: Any, attention_mask: Any) -> Any:
        """int64 (batch, tokens) three times -> float32 (batch,)."""
        states = self.bert(
            input_ids=input_ids, token_type_ids=token_type_ids, attention_mask=attention_mask
        ).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1)
        pooled = torch.cat([states[:, 0], mean], dim=1)
        return self.out(torch.nn.functional.gelu(self.hidden(pooled))).squeeze(-1)


def fresh(source: Path, *, attention: str = "eager", dropout: float = 0.0) -> CrossEncoder:
    """The untrained network on the packaged model in `source`.

    Eager attention by default: for inputs this short torch's fused one spends most of a training step on its way back.
    """
    bert = AutoModel.from_pretrained(
        str(source),
        attn_implementation=attention,
        add_pooling_layer=False,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    for module in list(bert.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Dropout) and not hasattr(module, "query"):  # that reads its rate
                setattr(module, name, SharedDropout(dropout))
    table = bert.embeddings.token_type_embeddings.weight.detach()
    wider = torch.nn.Embedding(TYPES, table.shape[1])
    with torch.no_grad():
        # The packaged model has only ever seen type 0.
        wider.weight.copy_(table[:1].repeat(TYPES, 1) + 0.02 * torch.randn(TYPES, table.shape[1]))
    bert.embeddings.token_type_embeddings = wider
    bert.config.type_vocab_size = TYPES
    bert.embeddings.word_embeddings.weight.requires_grad_(False)
    return CrossEncoder(bert)


def tensors(network: CrossEncoder) -> dict[str, NDArray[np.float32]]:
    """All that training changes, by name."""
    return {
        name: value.detach().float().numpy().copy() for name, value in network.state_dict().items() if _shipped(name)
    }


def load(network: CrossEncoder, values: Mapping[str, NDArray[np.float32]]) -> None:
    """Put shipped tensors into a fresh network. Raises KeyError or RuntimeError where they do not fit."""
    state = network.state_dict()
    wanted = {name for name in state if _shipped(name)}
    if wanted != set(values):
        raise KeyError(f"tensors that do not fit: {sorted(wanted ^ set(values))}")
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in values.items()}, strict=False)


def _shipped(name: str) -> bool:
    return name != FROZEN and not name.endswith(("position_ids", "token_type_ids"))
