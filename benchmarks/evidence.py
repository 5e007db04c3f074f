"""What the service would know of texts and pairs of texts, computed once and kept on disk between runs.

Vectors by text and vector space, the verifier's scores by pair and verifier. Guards are asked anew: they are fast, and
their rules change more often than models. The embedder and the verifier are the shipped ones, driven directly.
"""

from __future__ import annotations

import hashlib
import math
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from semcache.embedders.minilm import MiniLm
from semcache.engines.package import words
from semcache.errors import VerifierUnavailable
from semcache.models import Embedding
from semcache.policy import conversation, guards
from semcache.policy.calibration import default_threshold
from semcache.policy.confidence import features, probability
from semcache.policy.conversation import TURNS, Step, steps, weakest
from semcache.policy.guards import Finding, Force, Reading, Rules
from semcache.policy.matching import AS_TYPED, mistypes_a_name
from semcache.policy.normalize import Normalizer
from semcache.policy.repeats import Repeat, repeat
from semcache.policy.respelling import respelt
from semcache.policy.similarity import similarity
from semcache.ports import Calibration
from semcache.settings import Settings
from semcache.verifier import calibrations, weights
from semcache.verifier.judge import PackagedJudge, Pair
from semcache.verifier.train import calibrate, sets
from semcache.verifier.train.dialogs import Dialogs
from semcache.verifier.train.pairs import LabelledPair

REFUSED = -1.0
"""In place of a probability: a guard vetoes the pair, or its cosine is below the floor."""
_BATCH = 128


class Columns(msgspec.Struct, frozen=True):
    """Evidence of many pairs, one row each."""

    cosine: NDArray[np.float64]
    score: NDArray[np.float64]
    """The verifier's logit; -100 for a pair that is too long to be judged."""
    vetoed: NDArray[np.bool_]
    chance: NDArray[np.float64]
    """Calibrated probability that one answer serves both, whatever the guards veto and however low the cosine."""
    direct: NDArray[np.bool_]
    """Both prompts have one normalised spelling, so the verifier is never asked."""
    meant: NDArray[np.float64]
    """Cosine of the asking prompt without its slips, where the prompt as it is repeats the other but for these; else
    -1."""

    def guarded(self, floor: float) -> NDArray[np.float64]:
        """What the guarded mode compares with its least confidence: the probability, or REFUSED; 1 for one spelling."""
        far = np.maximum(self.cosine, self.meant) < floor
        chance = np.where(self.vetoed | far, REFUSED, self.chance)
        return np.where(self.direct, 1.0, chance)


class Evidence:
    """Texts to vectors, pairs to scores, findings and probabilities."""

    def __init__(self, cache: Path, settings: Settings, file: Path | None = None) -> None:
        """`cache`: folder of what is kept; `file`: weights of the verifier, if not the package's own."""
        cache.mkdir(parents=True, exist_ok=True)
        models = settings.data_dir / "models"
        wants = settings.embedding
        self._encoder = MiniLm(models, threads=wants.threads or 2, batch=wants.batch, max_windows=wants.max_windows)
        self._judge = PackagedJudge(models, threads=settings.verification.threads or 2, file=file or weights.FILE)
        self._loaded: set[str] = set()
        self.space = self._encoder.space
        self.fingerprint = self._judge.fingerprint
        self.floor = default_threshold(self.space, "judged")
        """Least cosine of a guarded hit."""
        self.rules = Rules.default()
        self.judged = 0
        """Pairs that the verifier judged in this run, those kept from earlier ones left out."""
        self._normalizer = Normalizer(settings.normalization)
        self._vectors = _VectorFile(cache / f"vectors-{self.space}.npz", self.space)
        self._scores = _ScoreFile(cache / f"scores-{self.fingerprint}.npz")
        self._readings: dict[str, Reading] = {}
        self._refused: dict[bytes, bool] = {}
        self._chances: dict[bytes, float] = {}
        self.calibration = Calibration(fingerprint=self.fingerprint, bias=0.0, weights={"score": 1.0})
        self.turns = self.calibration
        """For turns of conversations."""
        self.calibrated = "nothing"
        """Where the calibration comes from, in words."""

    def calibrate(self, data: Path, *, count: int, seed: int) -> None:
        """Take the package's calibration; where that is of another verifier, fit one on the calibration folds."""
        try:
            shipped = calibrations.load(self.fingerprint)
            self.calibration, self.turns = shipped.of(self.space), shipped.of(TURNS)
            self.calibrated = "the package's"
            return
        except VerifierUnavailable as error:
            print(f"calibrating anew: {error}", file=sys.stderr)
        rng = random.Random(seed)
        chosen: list[LabelledPair] = []
        for pairs in sets.pair_sets(data).values():
            kept = [pair for pair in pairs if sets.fold_of(pair.group) is sets.Fold.CALIBRATION]
            chosen += rng.sample(kept, min(len(kept), count // (4 if kept and kept[0].source == "qqp_pairs" else 20)))
        self.embed(text for pair in chosen for text in (pair.a, pair.b))
        self.score([(pair.b, pair.a) for pair in chosen])
        # One that cannot be judged would bend the line through all others.
        chosen = [pair for pair in chosen if self._scores.get((pair.b, pair.a)) is not None]
        found = self.columns(chosen)
        evidence = calibrate.evidence(chosen, found.score.tolist(), found.cosine.tolist())
        self.calibration = calibrate.fit(evidence, chosen, fingerprint=self.fingerprint)
        turns = list(Dialogs(data, sets.Fold.CALIBRATION).pairs(rng, count // 4))
        self.score([(pair.b, pair.a) for pair in turns])
        told = [(pair, score) for pair in turns if (score := self._scores.get((pair.b, pair.a))) is not None]
        self.turns = calibrate.of_turns(told, fingerprint=self.fingerprint)
        self.calibrated = f"fitted here on {len(chosen):,} pairs of the calibration folds"

    # -- texts --------------------------------------------------------------------------------------------------------

    def embed(self, texts: Iterable[str]) -> None:
        """Make sure that the texts have vectors."""
        wanted = [text for text in dict.fromkeys(texts) if not self._vectors.holds(text)]
        wanted.sort(key=len)  # alike lengths run together
        if not wanted:
            return
        self._load("encoder")
        with tqdm(total=len(wanted), unit="text", desc="embed", file=sys.stderr, mininterval=5) as bar:
            for start in range(0, len(wanted), _BATCH):
                chosen = wanted[start : start + _BATCH]
                for text, embedding in zip(chosen, self._encoder.encode(chosen), strict=True):
                    self._vectors.put(text, embedding)
                bar.update(len(chosen))

    def embedding(self, text: str) -> Embedding | None:
        """The vectors of an embedded text; None for one that is too long for any."""
        return self._vectors.get(text)

    def spelling(self, text: str) -> str:
        """The normalised form."""
        return self._normalizer(text)

    def similarity(self, a: str, b: str) -> float:
        """As the service compares two embedded texts."""
        first, second = self.embedding(a), self.embedding(b)
        return -1.0 if first is None or second is None else similarity(first, second)

    # -- pairs --------------------------------------------------------------------------------------------------------

    def score(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Make sure that the pairs (asked, cached) have the verifier's scores."""
        wanted = [pair for pair in dict.fromkeys(pairs) if not self._scores.holds(pair)]
        if not wanted:
            return
        self._load("judge")
        self.judged += len(wanted)
        order = sorted(wanted, key=lambda pair: len(pair[0]) + len(pair[1]))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            for pair, score in zip(chosen, self._judge.run([Pair(*pair) for pair in chosen]), strict=True):
                self._scores.put(pair, score)

    def told(self, asked: str, cached: str) -> list[str]:
        """What the guards say of two prompts, in words."""
        found = guards.compare(self._reading(asked), self._reading(cached), self.rules)
        return [f"{finding.force} {finding.detail}" for finding in found]

    def findings(self, asked: str, cached: str) -> tuple[Finding, ...] | None:
        """What the guards say of two prompts; None where one of them vetoes, that for long texts included."""
        found = guards.compare(self._reading(asked), self._reading(cached), self.rules)
        if any(finding.force is Force.VETO for finding in found):
            return None
        first, second = self.embedding(asked), self.embedding(cached)
        long = first is not None and second is not None and min(len(first.vectors), len(second.vectors)) > 1
        return None if long and guards.edited_inside(asked, cached) else found

    def findings_by_turn(self, asked: str, cached: str) -> tuple[Finding, ...] | None:
        """The same of two transcripts, as the service reads them: turn by turn; None where their shapes differ, too."""
        pairs = conversation.reworded(asked, cached)
        if pairs is None:
            return None
        last, its = (text.rpartition("\n")[2].removeprefix("user: ") for text in (asked, cached))
        found: dict[str, Finding] = {}
        for one, other in [(last, its), *pairs]:
            for finding in guards.compare(self._reading(one), self._reading(other), self.rules):
                if finding.force is Force.VETO:
                    return None
                found[finding.guard] = finding
        return tuple(found.values())

    def refused(self, asked: str, cached: str) -> bool:
        """Whether a guard vetoes the pair; remembered."""
        key = _digest(asked, cached)
        found = self._refused.get(key)
        if found is None:
            found = self._refused[key] = self.findings(asked, cached) is None
        return found

    def chance(self, asked: str, cached: str, cosine: float) -> float:
        """The probability that one answer serves both, of a pair that no guard vetoes; 0 if it cannot be judged."""
        pair, key = (asked, cached), _digest(asked, cached)
        found = self._chances.get(key)
        if found is None:
            self.score([pair])
            score = self._scores.get(pair)
            found = 0.0
            if score is not None:
                found = self._probability(pair, score, cosine, self.findings(asked, cached) or ())
            self._chances[key] = found
        return found

    def columns(self, pairs: Sequence[LabelledPair], *, by_turn: bool = False) -> Columns:
        """Everything about labelled pairs: `b` asks, `a` is cached. `by_turn`: they are transcripts."""
        self.embed(text for pair in pairs for text in (pair.a, pair.b))
        planned = [steps(pair.b, pair.a) if by_turn else [Step(pair.b, pair.a)] for pair in pairs]
        self.score([step for found in planned for step in found])
        calibration = self.turns if by_turn else self.calibration
        rows = []
        for pair, judged in zip(pairs, planned, strict=True):
            one = (pair.b, pair.a)
            cosine, scores = self.similarity(*one), {step: self._scores.get(step) for step in judged}
            findings = self.findings_by_turn(*one) if by_turn else self.findings(*one)
            known = min((-100.0 if score is None else score for score in scores.values()), default=-100.0)
            meant = -1.0 if by_turn or findings is None else self._as_meant(*one, findings)
            chance = max(
                weakest(judged, scores, calibration, similarity=near, findings=findings or (), known=words()) or 0.0
                for near in {cosine, max(cosine, meant)}
            )
            direct = not by_turn and self.spelling(pair.a) == self.spelling(pair.b)
            rows.append((cosine, known, findings is None, chance, direct, meant))
        table = np.array(rows, np.float64).reshape(len(rows), 6)
        return Columns(table[:, 0], table[:, 1], table[:, 2] > 0, table[:, 3], table[:, 4] > 0, table[:, 5])

    def _as_meant(self, asked: str, cached: str, findings: Sequence[Finding]) -> float:
        """See `Columns.meant`."""
        again = repeat(asked, cached, words())
        named = bool(findings)
        if named and not (again is Repeat.SURE and mistypes_a_name(findings)):
            return -1.0
        if again not in (Repeat.CLOSE, Repeat.SURE, Repeat.SAME):
            return -1.0
        meant = respelt(asked, words())
        self.embed(meant)
        found = max((self.similarity(one, cached) for one in meant), default=-1.0)
        return min(found, AS_TYPED) if named else found

    def _probability(self, pair: tuple[str, str], score: float, cosine: float, findings: Iterable[Finding]) -> float:
        evidence = features(*pair, score=score, similarity=cosine, findings=findings, known=words())
        return probability(evidence, self.calibration)

    def save(self) -> None:
        """Write what was computed."""
        self._vectors.save()
        self._scores.save()

    def _reading(self, text: str) -> Reading:
        found = self._readings.get(text)
        if found is None:
            found = self._readings[text] = guards.read(text, self.rules)
        return found

    def _load(self, model: str) -> None:
        if model not in self._loaded:
            self._loaded.add(model)
            (self._encoder if model == "encoder" else self._judge).load()


def _digest(*texts: str) -> bytes:
    hashed = hashlib.blake2b(digest_size=16)
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        hashed.update(len(encoded).to_bytes(8, "big") + encoded)
    return hashed.digest()


class _VectorFile:
    """Embeddings by digest of the text: all windows in one matrix."""

    def __init__(self, path: Path, space: str) -> None:
        self._path, self._space = path, space
        self._known: dict[bytes, Embedding | None] = {}
        self._changed = False
        if path.exists():
            with np.load(path) as file:
                digests, counts = file["digests"], file["counts"].tolist()
                vectors, tokens = file["vectors"], file["weights"]
            at = 0
            for digest, count in zip(digests, counts, strict=True):
                end = at + count
                self._known[digest.tobytes()] = Embedding(space, vectors[at:end], tokens[at:end]) if count else None
                at = end

    def holds(self, text: str) -> bool:
        return _digest(text) in self._known

    def get(self, text: str) -> Embedding | None:
        return self._known[_digest(text)]

    def put(self, text: str, embedding: Embedding | None) -> None:
        self._known[_digest(text)] = embedding
        self._changed = True

    def save(self) -> None:
        if not self._changed:
            return
        there = [one for one in self._known.values() if one is not None]
        np.savez(
            self._path,
            digests=np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, 16),
            counts=np.array([0 if one is None else len(one.vectors) for one in self._known.values()], np.int32),
            vectors=np.concatenate([one.vectors for one in there]),
            weights=np.concatenate([one.weights for one in there]),
        )
        self._changed = False


class _ScoreFile:
    """Scores by digest of the pair; NaN on disk stands for a pair that cannot be judged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[bytes, float | None] = {}
        self._changed = False
        if path.exists():
            with np.load(path) as file:
                digests, scores = file["digests"], file["scores"].tolist()
            for digest, score in zip(digests, scores, strict=True):
                self._known[digest.tobytes()] = None if math.isnan(score) else score

    def holds(self, pair: tuple[str, str]) -> bool:
        return _digest(*pair) in self._known

    def get(self, pair: tuple[str, str]) -> float | None:
        return self._known[_digest(*pair)]

    def put(self, pair: tuple[str, str], score: float | None) -> None:
        self._known[_digest(*pair)] = score
        self._changed = True

    def save(self) -> None:
        if self._changed:
            np.savez(
                self._path,
                digests=np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, 16),
                scores=np.array([math.nan if one is None else one for one in self._known.values()], np.float32),
            )
            self._changed = False
