"""Normalisation steps that hold for every language: Unicode form, plain quotes, blanks, end marks.

Each is a pure function from text to text. Code and quoted strings have been replaced by control characters before they
run (`normalize`); these count as words here.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOST_INVISIBLE: Final = 8
"""More invisible characters than this are no accident of copying: they may carry a hidden text that the model reads,
and a prompt with a payload must not share a key with the clean one. They then stay, as Unicode's tag characters
always do."""

_INVISIBLE = re.compile(
    "[\x02-\x08\x0e-\x1b\x7f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
    # joiners carry meaning between letters of scripts that join, and inside emoji
    "|(?<![^\x00-\x7f\\s])[\u200c\u200d]{1,64}|[\u200c\u200d]{1,64}(?![^\x00-\x7f\\s])"
)
_FOLDED: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: " ",
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
}
"""Full-width ASCII and typographic ligatures. No other compatibility form: x² is not x2, ½ is not 1/2, ① is not 1."""


def unicode_form(text: str) -> str:
    """Canonical composition, full-width ASCII and ligatures folded, invisible characters out."""
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text.translate(_FOLDED))
    for _ in range(MOST_INVISIBLE):  # what is taken out may bring together what composes; settles at once in practice
        shown, count = _INVISIBLE.subn("", text)
        if not count or count > MOST_INVISIBLE:
            break
        text = unicodedata.normalize("NFC", shown)
    return text


_SINGLE = re.compile("(?<=\\w)[‘’‛ʼ](?!\\s*[‘’‛ʼ])|[‘’‛ʼ](?=\\w)")
_DOUBLE = re.compile("[“”„‟](?=[\\w(])|(?<=[\\w.,;:!?)])[“”„‟]")
_DASH = re.compile("(?<=\\w)[‐‑‒–—―−]|[‐‑‒–—―−](?=\\w)")
_ELLIPSIS = re.compile("(?<=\\w)…")


def plain_quotes(text: str) -> str:
    """Typographic quotes, dashes, ellipses become plain where they touch a word; one that stands alone is a subject."""
    if text.isascii():
        return text
    text = _DOUBLE.sub('"', _SINGLE.sub("'", text))
    return _ELLIPSIS.sub("...", _DASH.sub("-", text))


_BLANKS = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_RUN = re.compile(r"(?<=[^\s])[^\S\n]+(?=[^\s])")
_MANY_LINES = re.compile(r"\n{3,}")
_OTHER_BREAKS = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")


def single_blanks(text: str) -> str:
    """Runs of blanks become one, line ends lose theirs, empty lines run to one; lines and their indentation stay."""
    if text.isascii() and text.isprintable():  # no blank but the space
        return text.strip(" ") if "  " not in text else " ".join(text.split())
    if "\n" not in text and "\r" not in text:
        if not _BLANKS.search(text):
            return text.strip(" ")
        return " ".join(text.split()) if not _OTHER_BREAKS.search(text) else _lines(text)
    return _lines(text)


def _lines(text: str) -> str:
    text = _OTHER_BREAKS.sub("\n", text)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    text = _RUN.sub(" ", text)
    return _MANY_LINES.sub("\n\n", text).strip()


_MARKS: Final = ".!?。"
_FACTORIAL = re.compile(r"(?:[\d)\]]|(?<![^\W_])[^\W\d_])\Z")
_ASKED_ABOUT_WORDS = (
    "is was are does do the a an of to for in on as and or vs between use using uses used called symbol operator mark "
    "character sign like by with without after before than say write type mean means about"
)
_ASKED_ABOUT = frozenset(_ASKED_ABOUT_WORDS.split())
_LAST_WORD = re.compile(r"[^\W\d_]{1,40}\Z")
_QUESTION = re.compile(
    r"(?:(?:hi|hey|hello|please|so|and|but|ok|okay|well)\b,?\s+)?"
    r"(?:(?:what|which|who|whose|whom|why|how|what's|who's|how's|where's|is|are|am|was|were|does|did|can|could|should|"
    r"would|shall|isn't|aren't|wasn't|weren't|doesn't|didn't|don't|can't|couldn't|shouldn't|wouldn't|won't)\b"
    r"|(?:do|have|has|had|will|may|might|must)\s+(?:i|you|we|they|he|she|it|the|a|an|any|all|most|people|there|this|"
    r"that|these|those|my|your|our|their|his|her)\b"
    r"|(?:when|where)(?:\s+(?:is|are|was|were|do|does|did|will|would|can|could|should|has|have|had|may|must|to)|'s)\b)",
    re.IGNORECASE,
)
_ASKING_WORDS = "what which who whose whom why how is are am was were does did can could should would shall"
_ASKING: Final = frozenset(_ASKING_WORDS.split()) | frozenset(_ASKING_WORDS.title().split())
"""First words, before a blank, with which `_QUESTION` matches whatever follows."""
_QUESTION_ZH = re.compile(
    "吗|呢[\\s.!?。]*\\Z|怎么|怎样|如何|为什么|为何|多少|是否|能不能|可不可以|什么时候|是什么|哪[里个些儿]|吗\\Z"
)


def drop_end_marks(text: str) -> str:
    """Drop the closing marks of the whole prompt, unless they say something (see `normalize`)."""
    if not text or text[-1] not in ".!?。 \n\t":
        return text
    end = len(text)
    while end and (text[end - 1] in _MARKS or text[end - 1].isspace()):
        end -= 1
    if not end:
        return text
    body, tail = text[:end], text[end:]
    marks = "".join(tail.split())
    if not marks or ".." in marks:
        return text.rstrip()
    if marks[0] == "!" and _FACTORIAL.search(body):  # 5! and n!
        bangs = len(marks) - len(marks.lstrip("!"))
        body, marks = body + marks[:bangs], marks[bangs:]
    elif tail[0].isspace() and _is_subject(body):
        return text.rstrip()
    elif not (body[-1].isalnum() or body[-1] in "\x00\x01)]}%\"'*+#$€£°»」） ，,"):
        return text.rstrip()  # `?.`, `&!`: marks glued to marks
    if "?" in marks and not _is_question(body):
        return body + "?"
    return body


def _is_question(body: str) -> bool:
    if body[: max(body.find(" "), 0)] in _ASKING or _QUESTION.match(body):
        return True
    return not body.isascii() and _QUESTION_ZH.search(body) is not None


def _is_subject(body: str) -> bool:
    word = _LAST_WORD.search(body[-40:])
    return word is None or word[0].lower() in _ASKED_ABOUT
