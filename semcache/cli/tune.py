"""`semcache tune`: propose the cut for a target error from labels, show hit rate against error, and set it on request.

Labels come from a running service (its feedback and comparisons) or from a file of labelled pairs, which are scored
here as the service would judge them, with the embedder and the verifier of the settings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from semcache.cli import flags, remote, tune_plot
from semcache.errors import ConfigError, RequestError, SemcacheError
from semcache.policy import calibration
from semcache.policy.labels import Label
from semcache.policy.tuning import Among, Judged, Knob, Pairs, Proposal, bounded, judged, propose

if TYPE_CHECKING:
    from semcache.admin.scoring import Pair
    from semcache.ports import Embedder, Verifier

_READY_S: Final = 600.0
"""The first start of a model prepares it."""
_OF_FILE: Final = "default"
_Found = dict[str, tuple[Pairs, Knob, float | None, tuple[str, ...]]]
"""By namespace: what was labelled, on which knob, what is in force as far as it is known, and what to know of it."""
_decode: Final = msgspec.json.Decoder(Label).decode


def run(chosen: argparse.Namespace) -> int:
    """Propose; with `--apply`, set what is proposed. 1 where nothing can be proposed for some namespace."""
    if not 0.0 < chosen.target_error < 1.0:
        raise RequestError("--target-error is a share between 0 and 1, such as 0.01")
    if not 0.5 <= chosen.level < 1.0:
        raise RequestError("--level is a confidence from 0.5 up to 1, such as 0.95")
    found = _of_pairs(chosen) if chosen.pairs is not None else _of_service(chosen)
    proposals = []
    for namespace, (pairs, knob, current, notes) in found.items():
        proposal = propose(
            namespace,
            pairs,
            knob=knob,
            target=chosen.target_error,
            among=Among(chosen.among),
            level=chosen.level,
            current=current,
            notes=notes,
        )
        proposals.append(proposal)
        _show(chosen, proposal, pairs, several=len(found) > 1)
    if not found:
        print("there are no labels yet: give feedback, or run a namespace in shadow mode")
    if chosen.json is not None:
        written = [{**msgspec.to_builtins(one), "curve": _curve(found[one.namespace][0], one)} for one in proposals]
        _written(chosen.json, json.dumps(written, indent=2).encode() + b"\n")
    if chosen.apply:
        for proposal in proposals:
            _apply(chosen, proposal)
    return 0 if proposals and all(one.proposed is not None for one in proposals) else 1


# -- a running service ------------------------------------------------------------------------------------------------


def _of_service(chosen: argparse.Namespace) -> _Found:
    query = f"?{urllib.parse.urlencode({'namespace': chosen.namespace})}" if chosen.namespace else ""
    by_namespace: dict[str, list[Label]] = {}
    try:
        with remote.opened(chosen, "GET", f"/admin/labels{query}") as answer, remote.no_answer(chosen):
            for line in answer:
                label = _decode(line)
                by_namespace.setdefault(label.namespace, []).append(label)
    except ValueError:
        raise SemcacheError(f"{chosen.url}/admin/labels did not answer with labels; is that semcache?") from None
    if not by_namespace:
        return {}
    cuts = {one["namespace"]: one for one in remote.call(chosen, "GET", "/admin/tuning")["tuned"]}
    config = remote.call(chosen, "GET", "/admin/config")
    found: _Found = {}
    for namespace, labels in sorted(by_namespace.items()):
        mode = _named(config, namespace, "mode")
        knob = Knob(chosen.knob) if chosen.knob else _knob(labels, mode)
        pairs, notes = judged(labels, knob)
        current = cuts.get(namespace, {}).get(knob.value)
        if current is None:
            current = in_force(config, namespace, knob)
        found[namespace] = Pairs(pairs), knob, current, (*notes, *_of_mode(mode, knob))
    return found


def _knob(labels: Sequence[Label], mode: str | None) -> Knob:
    """What decides in the namespace, where most of the labels can tell of it."""
    sure = sum(one.confidence is not None for one in labels)
    return Knob.CONFIDENCE if mode != "threshold" and sure * 2 > len(labels) else Knob.THRESHOLD


def _named(config: Mapping[str, Any], namespace: str, setting: str) -> Any:
    """A setting of a namespace, or the one of all."""
    own = config.get("namespaces", {}).get(namespace, {}).get(setting)
    return config.get(setting) if own is None else own


def in_force(config: Mapping[str, Any], namespace: str, knob: Knob) -> float | None:
    """The cut of a namespace in which nothing was tuned: the settings', or the packaged models' calibrated one; None
    where other models are calibrated.
    """
    named = _named(config, namespace, knob.value)
    if named is not None:
        return float(named)
    if config.get("embedder") != "minilm" or config.get("verifier") != "packaged":
        return None
    if knob is Knob.CONFIDENCE:
        return next(iter(calibration.MEASURED_CONFIDENCE.values()))
    decides = "threshold" if _named(config, namespace, "mode") == "threshold" else "judged"
    return next(cut for (_, what), cut in calibration.MEASURED.items() if what == decides)


def _of_mode(mode: str | None, knob: Knob) -> tuple[str, ...]:
    """What to know of a knob in the mode of the namespace."""
    if mode == "verified":
        return ("in the mode verified the error bound decides: this cut counts once the mode is another",)
    if mode == "threshold" and knob is Knob.CONFIDENCE:
        return ("in the mode threshold the cosine decides: a confidence counts once the mode is another",)
    if mode in ("guarded", "shadow") and knob is Knob.THRESHOLD:
        return (f"in the mode {mode} the verifier decides: a threshold only says which pairs it is asked about",)
    return ()


def _apply(chosen: argparse.Namespace, proposal: Proposal) -> None:
    point = proposal.proposed
    if point is None:
        return
    namespace = chosen.namespace or proposal.namespace
    error = point.error(proposal.among)
    body: dict[str, Any] = {
        "namespace": namespace,
        proposal.knob.value: point.cut,
        "override": chosen.override,
        "grounds": {
            "by": "semcache tune",
            "target": proposal.target,
            "among": proposal.among.value,
            "level": proposal.level,
            "labels": proposal.labels,
            "error": error.value,
            "error_high": error.high,
            "hits": point.hits,
        },
    }
    remote.call(chosen, "POST", "/admin/tuning", body)
    print(f"{namespace}: {proposal.knob} is {point.cut:.4f} now, on every replica within two seconds")


# -- a file -----------------------------------------------------------------------------------------------------------


def _of_pairs(chosen: argparse.Namespace) -> _Found:
    from semcache.cli.tune_pairs import pairs_of

    pairs, notes = pairs_of(Path(chosen.pairs))
    flags.apply(chosen)
    scored, knob = asyncio.run(_scored(pairs, chosen))
    return {chosen.namespace or _OF_FILE: (Pairs(bounded(scored)), knob, None, notes)}


async def _scored(pairs: list[Pair], chosen: argparse.Namespace) -> tuple[list[Judged], Knob]:
    from tqdm import tqdm

    from semcache import guard_tables
    from semcache.admin.scoring import Scorer
    from semcache.embedders import make_embedder
    from semcache.policy.calibration import mode_of, threshold_of
    from semcache.settings import load
    from semcache.verifier import make_verifier

    settings = load()
    rules = guard_tables.load(settings.verification.guards_file)
    namespace = chosen.namespace or _OF_FILE
    wants = chosen.knob or ("threshold" if mode_of(settings, namespace) == "threshold" else "confidence")
    embedder = make_embedder(settings)
    verifier = make_verifier(settings) if wants == Knob.CONFIDENCE else None
    if embedder is None or (wants == Knob.CONFIDENCE and verifier is None):
        raise ConfigError("the settings switch off what pairs are scored with: SEMCACHE_EMBEDDER, SEMCACHE_VERIFIER")
    parts: list[Embedder | Verifier] = [embedder] if verifier is None else [embedder, verifier]
    try:
        for part in parts:
            await part.start()
            async with asyncio.timeout(_READY_S):
                while not part.state().ready:  # noqa: ASYNC110  # what loads has a state and no event
                    await asyncio.sleep(0.1)
        floor = threshold_of(settings, namespace, embedder.space, judged=verifier is not None)
        scorer = Scorer(embedder, verifier, rules, floor=floor)
        with tqdm(desc="score", unit="pair", total=len(pairs), file=sys.stderr) as bar:
            return await scorer.score(pairs, done=lambda count: bar.update(count - bar.n) and None), scorer.knob
    except TimeoutError:
        details = "; ".join(one.state().detail for one in parts)
        raise ConfigError(f"not ready within {_READY_S:g} s: {details}") from None
    finally:
        for part in parts:
            await part.aclose()


# -- showing ----------------------------------------------------------------------------------------------------------


def _curve(pairs: Pairs, proposal: Proposal) -> Any:
    return msgspec.to_builtins(pairs.curve(proposal.level))


def _show(chosen: argparse.Namespace, proposal: Proposal, pairs: Pairs, *, several: bool) -> None:
    for line in lines_of(proposal):
        print(line)
    points = pairs.curve(proposal.level)
    if chosen.plot is None:
        if points:
            print(tune_plot.text(proposal, points))
        return
    file = Path(chosen.plot)
    if several:
        file = file.with_stem(f"{file.stem}-{urllib.parse.quote(proposal.namespace, safe='')}")
    try:
        if not tune_plot.picture(file, proposal, points):
            file = file.with_suffix(".txt")
            file.write_text(tune_plot.text(proposal, points) + "\n", encoding="utf-8")
            print("no matplotlib: pip install 'semcache[bench]' for a picture", file=sys.stderr)
    except OSError as error:
        raise RequestError(f"{file}: {error.strerror or error}") from error
    print(f"plot: {file}")


def lines_of(proposal: Proposal) -> list[str]:
    """A proposal in words."""
    head = f"{proposal.namespace}: {proposal.labels} labels, {proposal.wrong} of different answers"
    lines = [head, *(f"  note: {note}" for note in proposal.notes)]
    aim = f"at most {proposal.target:.2%} wrong among {proposal.among}, at {proposal.level:.0%} confidence"
    for name, point in (("in force", proposal.current), ("proposed", proposal.proposed)):
        if point is not None:
            error = point.error(proposal.among)
            lines.append(
                f"  {name}: {proposal.knob} {point.cut:.4f} serves {point.hits:.1%}; wrong among {proposal.among} "
                f"{error.value:.2%} ({error.low:.2%} to {error.high:.2%}), {point.wrong} of {point.served} hits"
            )
    if proposal.proposed is None:
        lines.append(f"  no {proposal.knob} can be vouched for: {aim}")
        if proposal.needed is None:
            lines.append("  none looks right so far, whatever their number: aim lower, or improve what decides")
        else:
            lines.append(f"  about {proposal.needed} labels would be needed, if they go on as so far")
    return lines


def _written(name: str, content: bytes) -> None:
    try:
        Path(name).write_bytes(content)
    except OSError as error:
        raise RequestError(f"{name}: {error.strerror or error}") from error
