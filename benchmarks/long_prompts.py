"""How well long prompts are told apart: paraphrases against texts with one part replaced.

    python -m benchmarks.long_prompts [--evaldata DIR] [--each 40] [--seed 11] [--cache DIR] [--rivals]

Joins labelled paraphrase pairs, and documents with a question behind them, to prompts of about 300 to 1500 tokens;
makes traps of them by putting another question in the place of the first, a middle or the last part, the rest reworded
or left as it was; and prints, for thresholds .80 to .97, what share of paraphrases and of traps
`semcache.policy.similarity` lets through. `--rivals` adds other rules over the same windows, and over windows of the
model's full length. Seeded; the data is read where it lies and never copied.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from semcache.embedders.minilm import MiniLm, Runtime
from semcache.embedders.packaged import KIND, MAX_TOKENS, prepared_dir
from semcache.embedders.windows import PIECE, cut
from semcache.engines import prepared
from semcache.models import Embedding
from semcache.policy.guards import edited_inside
from semcache.policy.similarity import similarity

THRESHOLDS = (0.80, 0.85, 0.90, 0.95, 0.97)
SETS = ("gsm8k_rephrase_pairs", "qqp_pairs", "mqp_pairs", "squad_paraphrase_pairs")
FILES = (*SETS, "condaqa_rag_pairs", "llm_prompts", "open_questions")

Pair = tuple[str, str]


class Case(NamedTuple):
    """Two long prompts. `group` starts with 'paraphrase' or 'trap' or 'unrelated'."""

    group: str
    a: str
    b: str


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rb") as lines:
        return [msgspec.json.decode(line) for line in lines]


def cases(folder: Path, each: int, rng: random.Random) -> list[Case]:
    """All cases, `each` of a group (fewer traps of the first and middle part)."""
    pools = {name: [(row["a"], row["b"]) for row in read(folder, name) if row["same"]] for name in SETS}
    pools["mixed"] = [pair for name in SETS for pair in rng.sample(pools[name], 200)]
    made: list[Case] = []
    for name in ("gsm8k_rephrase_pairs", "qqp_pairs", "mqp_pairs", "mixed"):
        kind = name.split("_", maxsplit=1)[0]
        for at in range(each):
            made += joined(kind, pools[name], rng, tail_only=at % 2 == 1)
    questions = [row["text"] for row in read(folder, "open_questions")]
    documents = sorted({row["a"].rsplit("\n", 1)[0] for row in read(folder, "condaqa_rag_pairs")})
    prompts = [row["text"] for row in read(folder, "llm_prompts") if 1500 < len(row["text"]) < 7000]
    for _ in range(each):
        document = "\n\n".join(rng.sample(documents, rng.randint(2, 5))) + "\n\nQuestion: "
        made += asked("document", document, rng.choice(pools["qqp_pairs"]), rng.choice(questions))
        prompt = rng.choice(prompts)
        made += asked("prompt", prompt + "\n", rng.choice(pools["qqp_pairs"]), rng.choice(questions))
        made.append(Case("trap: prompt, last fifth of another", prompt, other_tail(prompt, rng.choice(prompts))))
    paraphrases = [case for case in made if case.group.startswith("paraphrase")]
    for case in paraphrases:
        other = rng.choice([one for one in paraphrases if one.group == case.group and one is not case])
        made.append(Case("unrelated", case.a, other.b))
    return made


def joined(kind: str, pool: Sequence[Pair], rng: random.Random, *, tail_only: bool) -> list[Case]:
    """A paraphrase of many parts, and traps that replace one of them."""
    parts: list[Pair] = []
    words, target = 0, rng.randint(220, 1100)
    while words < target:
        parts.append(rng.choice(pool))
        words += len(parts[-1][0].split())
    left, right = [a for a, _ in parts], [b for _, b in parts]
    made = [Case(f"paraphrase: {kind}", " ".join(left), " ".join(right))]
    places = {"last": len(parts) - 1} if tail_only else {"first": 0, "middle": len(parts) // 2, "last": len(parts) - 1}
    for place, at in places.items():
        for rest, base in (("reworded", right), ("equal", left)):
            swapped = [*base[:at], rng.choice(pool)[0], *base[at + 1 :]]
            made.append(Case(f"trap: {kind}, {place} part, rest {rest}", " ".join(left), " ".join(swapped)))
    return made


def asked(kind: str, head: str, pair: Pair, other: str) -> list[Case]:
    """The same long text with the same question in other words, and with another question."""
    return [
        Case(f"paraphrase: {kind} + question", head + pair[0], head + pair[1]),
        Case(f"trap: {kind} + other question", head + pair[0], head + other),
    ]


def other_tail(text: str, other: str) -> str:
    words, others = text.split(" "), other.split(" ")
    return " ".join(words[: len(words) * 4 // 5] + others[len(others) * 4 // 5 :])


def embed(runtime: Runtime, texts: Sequence[str], whole: int, piece: int) -> dict[str, Embedding]:
    """Embeddings of all texts, cut into windows of `piece` tokens."""
    found = {}
    for text in tqdm(texts, desc=f"windows of {piece}", disable=not sys.stderr.isatty()):
        tokens = runtime.tokens(text)
        spans = cut(len(tokens), whole, piece)
        weights = np.array([end - start for start, end in spans], np.float32)
        found[text] = Embedding("", runtime.encode_rows([tokens[start:end] for start, end in spans]), weights)
    return found


def mean_cosine(a: Embedding, b: Embedding) -> float:
    return float(a.pooled @ b.pooled)


def best_match_mean(a: Embedding, b: Embedding) -> float:
    table = a.vectors @ b.vectors.T
    of_a, of_b = table.max(axis=1), table.max(axis=0)
    return float(np.average(of_a, weights=a.weights) + np.average(of_b, weights=b.weights)) / 2


def worst_match(a: Embedding, b: Embedding) -> float:
    table = a.vectors @ b.vectors.T
    return float(min(table.max(axis=1).min(), table.max(axis=0).min()))


def mean_and_worst(a: Embedding, b: Embedding) -> float:
    return (mean_cosine(a, b) + worst_match(a, b)) / 2


def report(name: str, every: Sequence[Case], scores: NDArray[np.float64], *, groups: bool) -> None:
    """One table: a line for each group, or only for the three kinds."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for at, case in enumerate(every):
        kinds[f"all {case.group.split(':')[0]}"].append(at)
        if groups:
            kinds[case.group].append(at)
    good = scores[[case.group.startswith("paraphrase") for case in every]]
    bad = np.sort(scores[[case.group.startswith("trap") for case in every]])
    auc = float((np.searchsorted(bad, good) / len(bad)).mean())
    fair = float(np.percentile(good, 20))
    caught = float((bad < fair).mean())
    print(f"\n{name}: AUC {auc:.3f}; at {fair:.3f}, where four in five paraphrases hit, {caught:.0%} of traps do not")
    print(f"  {'share at or above':<46} {'n':>5} {'median':>7} " + " ".join(f"{at:>6.2f}" for at in THRESHOLDS))
    for kind, places in sorted(kinds.items()):
        these = scores[places]
        shares = " ".join(f"{float((these >= at).mean()):>6.2f}" for at in THRESHOLDS)
        print(f"  {kind:<46} {len(these):>5} {float(np.median(these)):>7.3f} {shares}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[2] / "shared" / "evaldata"
    parser.add_argument(
        "--evaldata",
        type=Path,
        default=Path(os.environ.get("SEMCACHE_EVALDATA") or beside),
        metavar="DIR",
        help="folder of the labelled sets (SEMCACHE_EVALDATA)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(__file__).resolve().parents[1] / ".cache" / "models",
        metavar="DIR",
        help="where prepared models lie (.cache/models)",
    )
    parser.add_argument("--each", type=int, default=40, metavar="N", help="cases of each kind (%(default)s)")
    parser.add_argument("--seed", type=int, default=11, help="of everything random (%(default)s)")
    parser.add_argument("--rivals", action="store_true", help="also other rules and the model's full window")
    chosen = parser.parse_args()
    missing = [name for name in FILES if not (chosen.evaldata / f"{name}.jsonl.gz").is_file()]
    if missing:
        print(f"skipped: {chosen.evaldata} lacks {', '.join(missing)} (set --evaldata or SEMCACHE_EVALDATA)")
        return 0
    MiniLm(chosen.cache, threads=1, batch=1, max_windows=1).load()
    folder = prepared_dir(chosen.cache)
    runtime = Runtime(folder, precision=prepared.verify(KIND, folder).precision, threads=os.cpu_count() or 1, batch=32)
    every = cases(chosen.evaldata, chosen.each, random.Random(chosen.seed))
    texts = sorted({text for case in every for text in (case.a, case.b)})
    lengths = np.percentile([len(runtime.tokens(text)) for text in texts], [5, 50, 95])
    print(f"{len(every)} cases, {len(texts)} texts of {lengths[0]:.0f} / {lengths[1]:.0f} / {lengths[2]:.0f} tokens")

    def score(rule: Callable[[Embedding, Embedding], float], by_text: dict[str, Embedding]) -> NDArray[np.float64]:
        return np.array([rule(by_text[case.a], by_text[case.b]) for case in every])

    fine = embed(runtime, texts, MAX_TOKENS, PIECE)
    alike = score(similarity, fine)
    report("policy.similarity", every, alike, groups=False)
    vetoed = np.array([edited_inside(case.a, case.b) for case in every])
    report("policy.similarity and guards (a veto counts as -1)", every, np.where(vetoed, -1.0, alike), groups=True)
    if chosen.rivals:
        full = embed(runtime, texts, MAX_TOKENS, MAX_TOKENS)
        for rule in (mean_cosine, best_match_mean, worst_match, mean_and_worst):
            report(f"{rule.__name__}, windows of {PIECE}", every, score(rule, fine), groups=False)
            report(f"{rule.__name__}, windows of {MAX_TOKENS}", every, score(rule, full), groups=False)
        report(f"policy.similarity's rule, windows of {MAX_TOKENS}", every, score(similarity, full), groups=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
