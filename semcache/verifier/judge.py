"""The packaged verifier as its owner thread drives it: blocking, pairs of texts in, scores out."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from semcache.engines import package, prepared
from semcache.errors import VerifierUnavailable
from semcache.policy.plain import plainly
from semcache.verifier import both_ways, foreign, packaged, weights
from semcache.verifier.inputs import UNKNOWN, legible, pair_input
from semcache.verifier.runtime import Runtime
from semcache.verifier.unseen import unseen

_SHORT: Final = 256
"""Characters of a pair of short questions, which fills one place of a batch."""
_LONGEST: Final = 16_000
"""Characters of a prompt that is tokenised at all: some milliseconds, in which others wait."""
_KEPT: Final = 2_000_000
"""Characters of prompts whose tokens are kept: the stored prompts that people ask again and again."""


class Pair(NamedTuple):
    """Two prompts to be judged."""

    asked: str
    cached: str


class Judge(Protocol):
    """A blocking verifier, owned by one thread (see `engines.owner.Engine`)."""

    @property
    def fingerprint(self) -> str:
        """See `ports.Verifier.fingerprint`."""

    @property
    def known(self) -> Mapping[str, int]:
        """See `ports.Verifier.known`."""

    def load(self) -> None:
        """Get ready to judge. Raises VerifierUnavailable; may be called again."""

    def size(self, pair: Pair) -> int:
        """About how many pairs of short questions it costs as much as: a cheap guess, at least 1."""

    def run(self, pairs: Sequence[Pair]) -> list[float | None]:
        """A score for each pair; None for one that is too long, or differs in what the model cannot read."""

    def unload(self) -> None:
        """Give everything back."""

    def abort(self) -> None:
        """From any thread, at the end of the service: make `load` and `run` return or raise soon, for good."""


class PackagedJudge:
    """Implements `Judge`. A prepared verifier lies under `cache_dir`; one is made at the first load."""

    def __init__(self, cache_dir: Path, *, threads: int, file: Path = weights.FILE) -> None:
        """`file`: the shipped weights."""
        self._cache_dir = cache_dir
        self._threads = threads
        self._file = file
        self._preparation = prepared.Preparation(packaged.KIND)
        self._runtime: Runtime | None = None
        self._tokens = TokenCache(_KEPT)

    @property
    def fingerprint(self) -> str:
        """Of weights, tokenizer and inputs. Raises VerifierUnavailable where there are no weights."""
        return packaged.fingerprint(self._file)

    @property
    def known(self) -> Mapping[str, int]:
        """The packaged vocabulary."""
        return package.words()

    def load(self) -> None:
        """Prepare the verifier if there is none that is sound, and load it: half a minute, then under 1 s."""
        if not self._file.is_file():
            raise VerifierUnavailable(f"this installation has no trained verifier: {self._file} is absent")
        folder = packaged.prepared_dir(self._cache_dir, self._file)
        manifest = self._preparation.ensure(folder, str(self._file))
        package.words()  # read here rather than on the path of the first lookup
        self._runtime = Runtime(
            folder, form=manifest.form, precision=manifest.precision, threads=self._threads, files=manifest.files
        )

    def size(self, pair: Pair) -> int:
        """A guess from the length in characters."""
        return 1 + (len(pair.asked) + len(pair.cached)) // _SHORT

    def run(self, pairs: Sequence[Pair]) -> list[float | None]:
        """Logits, each the lesser of both ways round (see `both_ways`)."""
        runtime = self._runtime
        if runtime is None:
            raise VerifierUnavailable("the verifier is not loaded")
        scores: list[float | None] = [None] * len(pairs)
        places, inputs = [], []
        for at, pair in enumerate(pairs):
            if max(len(pair.asked), len(pair.cached)) > _LONGEST:
                continue
            if unseen(pair.asked) != unseen(pair.cached) or foreign.differs(*pair, self.known):
                continue
            asked, cached = (self._of(text, runtime) for text in plainly(*pair, self.known))
            if (UNKNOWN in asked or UNKNOWN in cached) and not legible(*map(runtime.unread, pair)):
                continue
            one = pair_input(asked, cached)
            if one is not None:
                places.append(at)
                inputs.append(one)
        if inputs:
            for at, logit in zip(places, both_ways.logits(inputs, runtime.logits).tolist(), strict=True):
                scores[at] = logit
        return scores

    def unload(self) -> None:
        """Drop the model."""
        self._runtime = None

    def abort(self) -> None:
        """Kill a preparation that is under way, and allow no other."""
        self._preparation.abort()

    def _of(self, text: str, runtime: Runtime) -> Sequence[int]:
        tokens = self._tokens.get(text)
        if tokens is None:
            tokens = self._tokens.put(text, runtime.tokens(text))
        return tokens


class TokenCache:
    """Token ids of texts, least recently used out first. Belongs to one thread."""

    def __init__(self, characters: int) -> None:
        """`characters`: of all texts together."""
        self._most = characters
        self._held = 0
        self._kept: OrderedDict[str, array[int]] = OrderedDict()

    def get(self, text: str) -> Sequence[int] | None:
        """The ids, if they are kept."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
        return found

    def put(self, text: str, ids: Sequence[int]) -> Sequence[int]:
        """Keep the ids of a text that is not kept yet; returns them."""
        packed = self._kept[text] = array("H", ids)  # the vocabulary has 30,522 tokens
        self._held += len(text)
        while self._held > self._most:
            gone, _ = self._kept.popitem(last=False)
            self._held -= len(gone)
        return packed
