"""The pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from benchmarks.page.words import interval, plain


def section(result: dict[str, Any]) -> Iterator[str]:
    """How pairs are told apart, and what is served of them, by set and by class."""
    if result["pairs"]:
        yield from _judged(result)
        yield from _kinds(result)


def _judged(result: dict[str, Any]) -> Iterator[str]:
    yield "## Pairs"
    yield ""
    yield _ABOUT_PAIRS
    yield ""
    yield "| set | same / traps | judge | AUC | R@.90 | R@.95 | 5 % | 1 % | 0 % |"
    yield "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, row in result["pairs"].items():
        if not row["same"] or not row["traps"]:
            continue
        for judge, figures in row["judges"].items():
            cells = [plain(figures[key]) for key in ("auc", "recall_90", "recall_95")]
            cells += [plain(figures[f"served_at_{share}"]) for share in ("0.05", "0.01", "0")]
            yield f"| {name} | {row['same']:,} / {row['traps']:,} | {judge} | " + " | ".join(cells) + " |"
    yield ""
    yield "| set | positives, threshold | guarded | GPTCache | traps, threshold | guarded | GPTCache |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, row in result["pairs"].items():
        cells = [interval(row["shipped"][mode][side]) for side in ("same", "traps") for mode in SERVING]
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""


_ABOUT_PAIRS: Final = """\
AUC, recall at precision .90 and .95, and positives served at 5, 1 and 0 % of the traps, of cosine alone, of the
verifier's score alone, and of the guarded decision (probability; refused where a guard vetoes or the cosine is below
its least). Then what is served as shipped, and by GPTCache's default. vCache decides by labels that an entry has
collected, and a pair has none."""
SERVING: Final = ("threshold", "guarded", "gptcache")


def _kinds(result: dict[str, Any]) -> Iterator[str]:
    yield "## By class"
    yield ""
    yield "| set | class | pairs | threshold serves | guarded serves | GPTCache serves | guards veto |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for name, row in result["pairs"].items():
        for kind, counts in row["kinds"].items():
            if counts["of"] >= 10:
                cells = [f"{counts[key] / counts['of']:.1%}" for key in (*SERVING, "vetoed")]
                yield f"| {name} | {kind.replace('|', '/')} | {counts['of']:,} | " + " | ".join(cells) + " |"
    yield ""
