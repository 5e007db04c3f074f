"""Signs by which prompts differ that are otherwise the same: in commands, patterns, expressions and code.

`cd ..` and `cd .`, `ls -l` and `ls -L`, `.*` and `.*?`, 7 * 8 - 6 and 7 * (8 - 6). To a reader of prose all of that is
case and punctuation, and prose has plenty of both; so a sign counts only where prose would not have it: in a chunk
with a sign of code in it, in a flag or an escape, around a part of an expression, or where it is what is asked about.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.repeats import words

_ANY: Final = re.compile(
    r"[\\$*|\[\]{}<>=~^&/+@#%]|(?<!\S)[-!.?:;'\"`(]*(?:[-!](?=\w)|[.?!:;]+[()]?(?!\S))|\d!|\w'(?!\w)|,\)"
)
"""What a prompt must have for any sign of it to count."""
_HARD: Final = re.compile(r"\\(?![?.!]*$)|[$*|\[\]{}<>=~^@]|[+/%&#](?![\w\s]|$)|(?<=[^\w\s])[+/%&#]")
_ESCAPE: Final = re.compile(r"\\([A-Za-z])(?![A-Za-z])")
_LETTER: Final = re.compile(r"(?<!\\)[A-Z]")
"""Whose case is surface."""
_PRICE: Final = re.compile(r"\(?[A-Z]{0,2}\$\d[\d.,]*[A-Za-z]{0,2}\W{0,2}|\d[\d.,]*\$\W{0,2}")
_FLAG: Final = re.compile(r"-([A-Za-z]{1,3})")
_FACTORIAL: Final = re.compile(r"\d{1,3}!+")
_COMPUTED: Final = frozenset({"is", "compute", "calculate", "evaluate"})
"""Words behind which a number with an exclamation mark is a factorial."""
_PRIME: Final = re.compile(r"[A-Za-z]'{1,3}(?:\(\w\))?")
_TUPLE: Final = re.compile(r"\(\w*,\)")
_NOT: Final = re.compile(r"!{1,2}\w+")
_MARKS: Final = re.compile(r"[^\w\s]+")
_GROUPED_DIGITS: Final = re.compile(r"(?<=\d)[,_](?=\d{3}(?!\d))")
_OPERAND: Final = r"(?:\d[\d.]*|[A-Za-z])"
_GROUP: Final = re.compile(rf"\(\s*{_OPERAND}(?:\s*[-+*/^]{{1,2}}\s*{_OPERAND})+\s*\)")
_BESIDE: Final = re.compile(r"[-+*/^]\s*$|\w$"), re.compile(r"\s*[-+*/^]|\w")
"""What stands before or behind a part of an expression; brackets around all of it change nothing."""
_BLANKS: Final = re.compile(r"\s+")
_NO_SIGN: Final = re.compile(r"[^\W_]")
_EMPHASIS: Final = re.compile(r"([*_]{1,2})\w+\1\W*")
_NUMBER: Final = re.compile(r"\d+")

_CLOSE: Final = 4
"""Stems of content that two prompts may differ in for another flag to be certain to matter: two long answers about a
command name different ones by chance."""
_END: Final = ".,;:!?"
_CLOSING: Final = ")]}$/'%+#"
"""Signs behind which a mark ends the sentence, not the pattern."""
_AHEAD: Final = frozenset(
    {"does", "do", "is", "the", "of", "between", "and", "or", "with", "use", "using", "than", "vs", "by", "mean"}
)
"""Words that no sentence ends with, mostly: marks behind them are asked about."""
_DOTTED: Final = frozenset({"cd", "ls", "cp", "mv", "find", "source", "add", "build"})
"""Words of commands behind which a dot is a folder."""
_PROSE: Final = frozenset({"-", "--", "---", ":", ";", ",", ".", "..", "...", "....", "\u2026", "\u2022", "'", '"'})


class Signs(msgspec.Struct, frozen=True):
    """The signs of a prompt that are no prose's."""

    code: frozenset[str] = frozenset()
    """Chunks that carry signs, as they are but for case, and for marks that end a sentence."""
    flags: frozenset[str] = frozenset()
    """Letters of short options."""
    escapes: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    """Marks that are asked about, without a letter beside them."""
    groups: frozenset[str] = frozenset()
    """Parts of an expression in brackets, without blanks."""


NONE: Final = Signs()


def signs(text: str) -> Signs:
    """The signs of a prompt with plain quotes; most have none."""
    if not _ANY.search(text):
        return NONE
    code: set[str] = set()
    flags: set[str] = set()
    asked: set[str] = set()
    before = ""
    for chunk in _GROUPED_DIGITS.sub("", text).replace("`", "").split():
        bare = _unquoted(chunk)
        if _MARKS.fullmatch(bare):
            if before in _AHEAD and bare not in _PROSE:
                asked.add(bare)
            elif before in _DOTTED and (dots := bare.rstrip("?!,;:")) in (".", ".."):
                asked.add(dots)
        elif flag := _FLAG.fullmatch(bare.rstrip(_END)):
            flags.update(flag[1])
        elif before in _COMPUTED and _FACTORIAL.fullmatch(bare.rstrip(".,;:?")):
            code.add(f"{bare.partition('!')[0]}!")
        elif _is_code(ended := _ended(bare)):
            code.add(_LETTER.sub(_lower, ended))
        before = bare.lower()
    escapes = frozenset(_ESCAPE.findall(text)) if "\\" in text else frozenset()
    groups = _groups(text) if "(" in text else frozenset()
    return Signs(frozenset(code), frozenset(flags), escapes, frozenset(asked), groups)


def _unquoted(chunk: str) -> str:
    """Without quotes around it, which may hold marks that end a sentence, too."""
    for mark in "\"'":
        if chunk.startswith(mark):
            return chunk[1:].rstrip(_END).removesuffix(mark) or chunk
    return chunk.replace('"', "") or chunk


def _ended(chunk: str) -> str:
    """Without the marks that end a sentence, and brackets of a remark around it."""
    ended = chunk.rstrip(_END)
    if ended and (ended[-1].isalnum() or ended[-1] in _CLOSING):
        chunk = ended
    if chunk.startswith("(") and ")" not in chunk:
        chunk = chunk[1:]
    return chunk[:-1] if chunk.endswith(")") and "(" not in chunk else chunk


def _is_code(chunk: str) -> bool:
    if not chunk or chunk.isalnum() or not chunk.isascii():
        return False
    if chunk[-1] in "'!)" or chunk[0] == "!" or ",)" in chunk or "'" in chunk:
        ended = chunk.rstrip(".,;:?")
        if any(form.fullmatch(ended) for form in (_PRIME, _TUPLE, _NOT)):
            return True
    return _HARD.search(chunk) is not None and not _PRICE.fullmatch(chunk)


def _groups(text: str) -> frozenset[str]:
    """Those that something of the expression stands beside."""
    found = set()
    for group in _GROUP.finditer(text):
        before, behind = text[: group.start()], text[group.end() :]
        if _BESIDE[0].search(before) or _BESIDE[1].match(behind):
            found.add(_BLANKS.sub("", group[0]))
    return frozenset(found)


def signed(pair: Pair) -> Difference | None:
    """Signs that differ; certain where little else differs."""
    a, b = pair.a.signs, pair.b.signs
    if a is NONE and b is NONE:
        return None
    if told := _told(pair):
        return pair.short and pair.close(_CLOSE), told
    if a.code == b.code or _packed(pair.a.text) == _packed(pair.b.text):
        return None
    if words(pair.a.text) != words(pair.b.text) and not _but_for_signs(pair.a.text, pair.b.text):
        return None
    return True, f"{min(a.code - b.code, default='none')} / {min(b.code - a.code, default='none')}"


def _told(pair: Pair) -> str:
    """Two sets of flags, escapes, marks that are asked about, or groups of the same numbers; "" where none differ."""
    a, b = pair.a.signs, pair.b.signs
    for one, other in ((a.flags, b.flags), (a.escapes, b.escapes)):
        if one and other and one != other:
            return f"{''.join(sorted(one))} / {''.join(sorted(other))}"
    if a.asked - b.asked and b.asked - a.asked:
        return f"{min(a.asked - b.asked)} / {min(b.asked - a.asked)}"
    if a.groups != b.groups and _NUMBER.findall(pair.a.text) == _NUMBER.findall(pair.b.text):
        return f"{min(a.groups, default='no brackets')} / {min(b.groups, default='no brackets')}"
    return ""


def _packed(text: str) -> str:
    """Without blanks, which are of no account around a sign."""
    return _LETTER.sub(_lower, _BLANKS.sub("", text)).rstrip(".,;:?")


def _but_for_signs(a: str, b: str) -> bool:
    """Whether the prompts are the same chunk by chunk, but for signs in a chunk of code that has its letters."""
    one, other = a.lower().split(), b.lower().split()
    if len(one) != len(other):
        return False
    apart = [(x, y) for x, y in zip(one, other, strict=True) if x.rstrip(_END) != y.rstrip(_END)]
    return all(
        (_is_code(_ended(x)) or _is_code(_ended(y)))
        and _NO_SIGN.findall(x) == _NO_SIGN.findall(y)
        and not (_EMPHASIS.fullmatch(x) or _EMPHASIS.fullmatch(y))
        for x, y in apart
    )


def _lower(letter: re.Match[str]) -> str:
    return letter[0].lower()
