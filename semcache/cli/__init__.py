"""The command line: `semcache serve | check-config | doctor | rebuild | stats | warm | export | import | feedback |
tune | train | guard-tables | new-key | version`.

Reads arguments, calls the room that does the work, prints. Knows no policy, no store and no HTTP of its own. Nothing
heavy is imported before the command that needs it: `semcache version` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from semcache import __version__
from semcache.errors import SemcacheError

DEFAULT_PORT: Final = "8080"

_RAW = argparse.RawDescriptionHelpFormatter


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit code: 0 done, 1 it failed or found something, 2 it was called wrongly, 130 interrupted.

    What can be expected to go wrong is one line on stderr, never a traceback.
    """
    chosen = parser().parse_args(arguments)
    if chosen.command == "version":
        print(__version__)
        return 0
    try:
        code: int = importlib.import_module(f"semcache.cli.{chosen.module}").run(chosen)
        sys.stdout.flush()
    except SemcacheError as error:
        for line in str(error).splitlines() or [error.code]:
            print(f"semcache: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left; nothing is left to flush to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments; each help page ends with an example."""
    root = argparse.ArgumentParser(
        prog="semcache",
        description="A cache for LLM responses: exact, normalised and semantic.",
        epilog="example: semcache serve --port 9000\n\n"
        "Settings are SEMCACHE_* variables or a TOML file (SEMCACHE_CONFIG): docs/settings.md",
        formatter_class=_RAW,
    )
    root.add_argument("--version", action="version", version=__version__, help="print the version")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    serve = _command(commands, "serve", "run the service in the foreground", "semcache serve --port 9000")
    serve.add_argument("--host", help="address to listen on (SEMCACHE_HOST; 127.0.0.1)")
    serve.add_argument("--port", help=f"port to listen on (SEMCACHE_PORT; {DEFAULT_PORT})")
    _local(serve)
    check = _command(
        commands,
        "check-config",
        "show the effective settings, where each comes from, and what is wrong with them",
        "SEMCACHE_THRESHOLD=0.92 semcache check-config",
    )
    _local(check)
    doctor = _command(
        commands, "doctor", "check that store, bookkeeping and snapshots agree", "semcache doctor --repair"
    )
    doctor.add_argument("--repair", action="store_true", help="mend what is found")
    _local(doctor)
    rebuild = _command(
        commands,
        "rebuild",
        "have a running service rebuild its vector index from the store, and watch",
        "semcache rebuild --reembed",
    )
    rebuild.add_argument("--namespace", help="this namespace only")
    rebuild.add_argument("--reembed", action="store_true", help="embed every prompt again")
    _remote(rebuild)
    stats = _command(
        commands, "stats", "show what a running service did and saved", "semcache stats --namespace default --json"
    )
    stats.add_argument("--namespace", help="this namespace only")
    stats.add_argument("--json", action="store_true", help="as the service gave it")
    _remote(stats)
    _moving(commands)
    _learning(commands)
    tables = _command(
        commands,
        "guard-tables",
        "print the tables that the guards compare by, to be changed",
        "semcache guard-tables opposites units > guards.toml",
    )
    tables.add_argument("table", nargs="*", help="only these (all)")
    key = _command(
        commands, "new-key", "make an API key and its block for the keys file", "semcache new-key team-a >> keys.toml"
    )
    key.add_argument("id", help="its name in logs and histories")
    key.add_argument("--namespace", action="append", help="a namespace that it opens; may be given again (all)")
    key.add_argument(
        "--role", action="append", choices=("read", "write", "admin"), help="may be given again (read, write)"
    )
    version = commands.add_parser("version", help="print the version", description="Print the version.")
    version.set_defaults(module="")
    return root


def _moving(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    warm = _command(
        commands,
        "warm",
        "have a running service ask upstream for what is missing, and watch",
        "semcache warm prompts.txt --model gpt-4o-mini --budget 2.50",
    )
    warm.add_argument("file", help="JSON lines of requests or prompts, or with --model a prompt a line")
    warm.add_argument("--model", help="for lines that name no model")
    warm.add_argument("--budget", metavar="USD", help="begin nothing more once so much was spent")
    warm.add_argument("--concurrency", metavar="N", help="requests to upstream at a time")
    warm.add_argument("--namespace", help="for lines that name none")
    _remote(warm)
    export = _command(
        commands,
        "export",
        "write a running service's entries as JSON lines",
        "semcache export --output entries.jsonl",
    )
    export.add_argument("--namespace", help="this namespace only")
    export.add_argument("--no-vectors", action="store_true", help="leave the vectors out: they are computed again")
    export.add_argument("--output", metavar="FILE", help="write to FILE; one that broke off is gone on with (stdout)")
    _remote(export)
    taken = _command(
        commands, "import", "give a running service the lines of an export", "semcache import entries.jsonl"
    )
    taken.add_argument("file", help="an export")
    taken.add_argument(
        "--from-line", type=_line, default=1, metavar="N", help="leave out the lines before (%(default)s)"
    )
    _remote(taken)


def _line(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a line, counted from 1")
    return int(text)


def _learning(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = _command(
        commands,
        "feedback",
        "say whether a hit was right: a wrong one is never served to that prompt again",
        "semcache feedback --entry-id 0b7c1f0e9d2a4b6c8e0f1a2b3c4d5e6f --prompt Hello? --wrong",
    )
    said.add_argument("--request-id", help="the hit, as its lookup named it")
    said.add_argument("--entry-id", help="the hit, as x-cache-key named it; with --prompt or --messages")
    said.add_argument("--prompt", help="the prompt that was answered")
    said.add_argument("--messages", metavar="FILE", help="JSON list of the messages that were answered; -: stdin")
    verdict = said.add_mutually_exclusive_group(required=True)
    verdict.add_argument("--wrong", dest="correct", action="store_false", default=None, help="the answer was wrong")
    verdict.add_argument("--correct", dest="correct", action="store_true", default=None, help="right; takes it back")
    said.add_argument("--answer", help="the right answer, JSON or text: kept to learn from, not served")
    said.add_argument("--user", help="whose word it is: each user is heard once")
    _remote(said)
    tune = _command(
        commands,
        "tune",
        "propose the threshold, or the verifier's confidence, for a target error, from a service's labels or a file",
        "semcache tune --target-error 0.01 --plot tuning.png",
    )
    tune.add_argument(
        "--target-error", type=float, default=0.01, metavar="SHARE", help="most wrong answers (%(default)s)"
    )
    tune.add_argument(
        "--among", choices=("requests", "hits"), default="requests", help="what that is a share of (%(default)s)"
    )
    tune.add_argument("--level", type=float, default=0.95, help="confidence that it holds (%(default)s)")
    tune.add_argument("--knob", choices=("threshold", "confidence"), help="what to tune (what decided the labels)")
    tune.add_argument("--namespace", help="this namespace only")
    tune.add_argument("--pairs", metavar="FILE", help="JSON lines of a, b, same, in place of a service's labels")
    tune.add_argument("--plot", metavar="FILE", help="hit rate against error as PNG (on the terminal, in characters)")
    tune.add_argument("--json", metavar="FILE", help="write proposals and curves")
    tune.add_argument("--apply", action="store_true", help="set what is proposed, on all replicas")
    tune.add_argument("--override", action="store_true", help="even where that loosens what the settings name")
    _local(tune)
    _remote(tune)
    train = _command(
        commands,
        "train",
        "train the verifier anew from labelled sets, a service's labels among them",
        "semcache train --from-feedback - --data sets --start packaged --out new.npz --calibration new.json",
    )
    train.add_argument("--from-feedback", metavar="LABELS", help="JSON lines of GET /admin/labels; -: ask the service")
    train.add_argument(
        "--data", required=True, metavar="DIR", help="folder of the labelled sets (docs/feedback.md#training)"
    )
    train.add_argument(
        "--out", required=True, metavar="FILE", help="where the weights go (SEMCACHE_VERIFICATION__WEIGHTS_FILE)"
    )
    train.add_argument(
        "--calibration",
        metavar="FILE",
        help="fit what the scores are worth, too, and write it here (SEMCACHE_VERIFICATION__CALIBRATION_FILE)",
    )
    train.add_argument(
        "--start",
        metavar="FILE",
        help="go on from these weights; `packaged`: from the package's (from the model alone)",
    )
    train.add_argument("--pairs", type=int, metavar="N", help="about how many pairs to see")
    train.add_argument("--seed", type=int, help="of everything random")
    _remote(train)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, does: str, example: str
) -> argparse.ArgumentParser:
    made = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=f"example: {example}",
        formatter_class=_RAW,
    )
    made.set_defaults(
        module={"rebuild": "remote", "stats": "remote", "import": "import_lines"}.get(name, name.replace("-", "_"))
    )
    return made


def _local(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", metavar="FILE", help="TOML file of settings (SEMCACHE_CONFIG)")
    command.add_argument("--data-dir", metavar="DIR", help="the embedded server's files (SEMCACHE_DATA_DIR; data)")


def _remote(command: argparse.ArgumentParser) -> None:
    port = os.environ.get("SEMCACHE_PORT") or DEFAULT_PORT
    url = os.environ.get("SEMCACHE_URL") or f"http://127.0.0.1:{port}"
    command.add_argument("--url", default=url, help="the service (SEMCACHE_URL; %(default)s)")
    command.add_argument("--key", help="API key; better in the environment: SEMCACHE_ADMIN_KEY, else SEMCACHE_API_KEY")
