"""Train the verifier: `python -m semcache.verifier.train --data DIR --out weights.npz`.

Reads the labelled sets in DIR, makes traps of them, adds pairs from the written families, and trains the cross-encoder
on one machine, seeded. Writes the weights that the package ships, and prints how they do on the folds that training
never saw. About 150 pairs a second on two cores.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from tqdm import tqdm

from semcache.errors import SemcacheError
from semcache.policy.conversation import TURNS
from semcache.verifier import calibrations, network, packaged, weights
from semcache.verifier.judge import PackagedJudge
from semcache.verifier.train import calibrate, feedback, fit, mix, report, sifting, similar
from semcache.verifier.train.dialogs import Dialogs
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold
from semcache.verifier.train.tokens import Tokens, package_folder

log = logging.getLogger("train")

NOISE = 0.04
"""Label smoothing: 5 to 10 % of the human labels are debatable."""
MADE_NOISE = 0.01
"""Of pairs that were made: more would press the surest scores together, where precision is decided."""

SAME_AGAIN: Final = 10
"""Of pairs that are the same in plain words one in so many is seen: rules serve them, and they teach little."""


def main() -> int:
    """Train, write, report."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(arguments.threads)
    try:
        return _run(arguments)
    except SemcacheError as error:
        print(f"{error.code}: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _run(arguments: argparse.Namespace) -> int:
    mix.look(arguments.data)
    torch.manual_seed(arguments.seed)
    tokens = Tokens()
    model = network.fresh(package_folder(), dropout=arguments.dropout)
    if arguments.start:
        network.load(model, weights.mean(arguments.start))
    if arguments.pairs:
        rng = random.Random(arguments.seed)
        pairs = mix.training_pairs(
            arguments.data, arguments.pairs, rng, made=not arguments.labelled, sift=_sift(arguments, rng)
        )
        if arguments.feedback is not None:
            said = feedback.pairs_of(arguments.feedback)
            log.info("%d pairs of feedback", len(said))
            pairs = feedback.mixed(pairs, said, random.Random(arguments.seed))
        examples = _examples(pairs, tokens, arguments)
        fit.fit(
            model,
            examples,
            rate=arguments.rate,
            seed=arguments.seed,
            checkpoint=lambda: weights.save(arguments.out, network.tensors(model)),
        )
    if arguments.pairs or len(arguments.start) > 1:
        weights.save(arguments.out, network.tensors(model))
        network.load(model, weights.load(arguments.out))  # what is reported is what is shipped
    if arguments.calibration is not None:
        _calibrate(model, tokens, arguments)
    for line in report.lines(model, tokens, arguments.data, seed=arguments.seed):
        print(line, flush=True)  # noqa: T201
    return 0


def _sift(arguments: argparse.Namespace, rng: random.Random) -> mix.Sift | None:
    if arguments.sift is None:
        return None
    judge = PackagedJudge(arguments.sift, threads=arguments.threads, file=arguments.start[0])
    judge.load()
    return lambda pairs: sifting.sift(pairs, judge, rng)


def _examples(pairs: Sequence[LabelledPair], tokens: Tokens, arguments: argparse.Namespace) -> list[fit.Example]:
    examples = []
    long = again = 0
    for pair in tqdm(pairs, unit="pair", desc="read", mininterval=10):
        made = tokens.pair(pair.a, pair.b)
        if made is None or len(made.ids) > arguments.most_tokens:
            long += 1
            continue
        if made.says_nothing_new:
            again += 1
            if again % SAME_AGAIN:
                continue
        noise = MADE_NOISE if pair.source in mix.MADE else NOISE
        examples.append(fit.Example(made, 1 - noise if pair.same else noise))
    log.info("%d pairs: %d too long, %d the same in plain words", len(pairs), long, again)
    return examples


def _calibrate(model: network.CrossEncoder, tokens: Tokens, arguments: argparse.Namespace) -> None:
    """Fit the probabilities on pairs that training never saw: with the packaged embedder's cosine and without, and for
    turns of conversations."""

    def scored(drawn: list[LabelledPair]) -> list[tuple[LabelledPair, float]]:
        """Those that can be judged: others would bend the line through all."""
        scores = report.score(model, tokens, drawn)
        return [(pair, one) for pair, one in zip(drawn, scores, strict=True) if one > -100]

    judged = scored(mix.calibration_pairs(arguments.data, random.Random(arguments.seed)))
    turns = Dialogs(arguments.data, Fold.CALIBRATION).pairs(random.Random(arguments.seed), mix.CALIBRATED)
    pairs = [pair for pair, _ in judged]
    similarities = similar.cosines([(pair.a, pair.b) for pair in pairs], tokens)
    evidence = calibrate.evidence(pairs, [one for _, one in judged], list(similarities))
    made_of = packaged.fingerprint(arguments.out)
    spaces = {
        calibrate.PACKAGED_SPACE: calibrate.fit(evidence, pairs, fingerprint=made_of),
        calibrations.ANY: calibrate.fit(evidence, pairs, fingerprint=made_of, without=frozenset({"similarity"})),
    }
    if of_turns := scored(list(turns)):
        spaces[TURNS] = calibrate.of_turns(of_turns, fingerprint=made_of)
    else:
        log.warning("no conversations to calibrate on: their turns are judged as single prompts are")
    calibrate.save(arguments.calibration, spaces)
    log.info("calibrated on %d pairs: %s", len(pairs), spaces[calibrate.PACKAGED_SPACE])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m semcache.verifier.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the labelled sets")
    parser.add_argument("--out", type=Path, default=weights.FILE, metavar="FILE", help="default: the package's own")
    parser.add_argument("--calibration", type=Path, metavar="FILE", help="fit the probabilities, too, and write them")
    parser.add_argument(
        "--start",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="go on from these weights; of several, their mean",
    )
    parser.add_argument("--pairs", type=int, default=400_000, metavar="N", help="about how many to see; 0: report only")
    parser.add_argument("--labelled", action="store_true", help="labelled sets alone: the first of two runs")
    parser.add_argument(
        "--sift",
        type=Path,
        metavar="DIR",
        help="leave out most made pairs that the first of --start is sure of; DIR: where it is prepared",
    )
    parser.add_argument("--feedback", type=Path, metavar="FILE", help="mix in a service's labels (JSON lines)")
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate (default 1e-4)")
    parser.add_argument("--dropout", type=float, default=0.1, help="of hidden states (default 0.1)")
    parser.add_argument("--most-tokens", type=int, default=160, metavar="N", help="longer pairs are left out")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    parser.add_argument("--threads", type=int, default=2, help="default 2; the result depends on it in the last digits")
    arguments = parser.parse_args()
    if arguments.sift is not None and not arguments.start:
        parser.error("--sift needs --start: it is those weights that tell what is known")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
