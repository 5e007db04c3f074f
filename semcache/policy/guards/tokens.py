"""A prompt as tokens, in one pass: words, numbers, clock times, versions, operators, links; and what is quoted."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from semcache.policy.guards.rules import COMMON, NEGATOR, Rules

_PLAIN: Final = str.maketrans("‘’‛ʼ“”„‟–‑‒−—×÷", "''''\"\"\"\"-----*/")

_TOKEN = re.compile(
    r"(?P<w>(?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))?"  # U.S., e.g.
    r"|[cCfF]\s?\#(?!\w)|[cC]\+\+(?!\w)|[vV]\d+(?:\.\d+)+"
    r"|[^\W\d_\u2e80-\uffff][^\W\u2e80-\uffff]*(?:'[a-zA-Z]{1,3}(?!\w))?|_\w+"
    r"|[^\W\d_]+)"  # han, kana, hangul: no digits among them
    r"|(?P<i>\d{4}-\d\d-\d\d(?!\d))"
    r"|(?P<t>\d{1,2}[:.]\d\d(?::\d\d)?\s?[apAP]\.?[mM]\b|\d{1,2}:\d\d(?::\d\d)?(?!\d|,\d{3})|\d{1,2}\s?[apAP]\.?[mM]\b)"
    r"|(?P<v>\d+(?:\.\d+){2,}\w*)"
    r"|(?P<n>(?<![\w'])'\d\d(?![\w'])|\d{1,3}(?:_\d{3})+(?!\w)|(?:(?<![\w)\]}$-])(?<!\d\s)-)?(?:\d{1,3}(?:,\d{2,3}){0,6},\d{3}(?!\d)|\d+)(?:\.\d+)?(?P<s>[^\W\d_\u2e80-\uffff][^\W\u2e80-\uffff]*)?)"
    r"|(?P<c>[$€£¥₹₽₩₺฿₱₦₪¢%°])"
    r"|(?P<o>[=!<>]=+|->|=>|&&|\|\||\+\+|\+=|-=|:=|<<|>>|\*\*|//|\?\?|[+*/^<>=])"
    r"|(?P<e>[.!?;\n:,-])"
)
_QUOTED = re.compile(
    r"(?<![\w\"])\"([^\"\n]{1,300})\"|(?<![\w'])'([^'\n]{2,120})'(?!\w)|(?<!`)(?:```([^`]{1,800})```|`([^`\n]{1,300})`)(?!`)"
)
_LINK = re.compile(
    r"(?:https?|ftp|file|s3|git)://[^\s<>\"'`)\]]{1,400}|www\.[^\s<>\"'`)\]]{1,300}"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}"
    r"|(?<![\w./:-])(?:~|\.{1,2})?/[\w.-]{1,80}(?:/[\w.-]{1,80}){1,20}/?"
    r"|(?<!\w)[A-Za-z]:\\(?:\w[\w. -]{0,80}\\){0,12}[\w.-]{0,80}\w"  # blanks in folders alone: the end is not known
    r"|(?<![\w.@/-])(?:[\w-]{1,63}\.){1,4}(?:com|org|net|io|dev|edu|gov|co|uk|de|info|ai|app)(?![\w-])(?:/[\w./?=&%#-]{0,200})?"
    r"|(?<![\w./-])[\w-]{1,80}\.(?:pdf|txt|csv|docx?|xlsx?|pptx?|py|js|ts|java|cpp|json|ya?ml|toml|xml|html?|md|sql|sh"
    r"|png|jpe?g|gif|zip|tar|gz|mp[34]|exe|ini|log|conf)(?!\w)"
)
_BASES: Final = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
_SENTENCE: Final = frozenset(".!?\n:;")


class Tokens(msgspec.Struct):
    """Parallel lists, one place a token. What is no word has its own text as its lower form."""

    low: list[str]
    raw: list[str]
    kind: list[str]
    """w word, n number, t clock time, v version, i ISO date, c sign of a currency or share, o operator."""
    flags: list[int]
    """What the lexicons say of a word."""
    first: list[bool]
    """Whether a sentence begins with it."""
    glued: list[bool]
    """Whether it stands right behind the one before, or behind its hyphen."""
    owner: list[bool]
    """Whether a word has 's."""
    marks: str
    """One letter a kind of token that is no word, in no order; empty for plain words alone."""


def plain(text: str) -> str:
    """With plain quotes and dashes."""
    return text if text.isascii() else text.translate(_PLAIN)


def links(text: str) -> frozenset[str]:
    """Addresses, paths and file names, as compared: no scheme, no www, host in lower case."""
    if "." not in text and "/" not in text and "\\" not in text and "@" not in text:
        return frozenset()
    return frozenset(_same_link(found) for found in _LINK.findall(text)) - {""}


def _same_link(link: str) -> str:
    link = link.rstrip(".,;:!?")
    host = re.sub(r"^(?:https?://)?(?:www\.)?", "", link, flags=re.IGNORECASE).rstrip("/")
    head, slash, tail = host.partition("/")
    return head.lower() + slash + tail


def quoted(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """What stands in quotes, in lower case with single blanks, and what in backticks, as it is."""
    if text[:1] == '"' == text[-1:] and len(text) > 1:
        text = text[1:-1]  # all of it is quoted
    if '"' not in text and "'" not in text and "`" not in text:
        return frozenset(), frozenset()
    quotes, code = set(), set()
    for double, single, fenced, ticked in _QUOTED.findall(text):
        if fenced or ticked:
            code.add(" ".join((fenced or ticked).split()))
        else:
            quotes.add(" ".join((double or single).lower().split()).rstrip(".,;:!?"))
    return frozenset(quotes - {""}), frozenset(code - {""})


def tokens(text: str, rules: Rules) -> Tokens:
    """The tokens of a text with plain quotes."""
    low: list[str] = []
    raw: list[str] = []
    kinds: list[str] = []
    flags: list[int] = []
    first: list[bool] = []
    glued: list[bool] = []
    owner: list[bool] = []
    marks = ""
    known = rules.flags
    begins = True
    end = -9
    hyphen = False
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        word = found[0]
        start, stop = found.span()
        if kind == "w":
            lower = word.lower()
            owned = False
            negated = False
            if "'" in lower:
                if lower.endswith("n't"):
                    lower, negated = lower[:-3], True
                    lower = _BASES.get(lower, lower)
                elif lower.endswith("'s"):
                    lower, owned = lower[:-2], True
                else:
                    lower = lower.partition("'")[0]
                word = word[: len(lower)] or "not"
                if not lower:  # n't, set apart
                    lower, negated = "not", False
            elif lower == "cannot":
                lower, word, negated = "can", "can", True
            elif lower[-1] == "#":
                lower = lower[0] + "#"
            elif "." in lower and lower[0] != "v":
                lower = lower.replace(".", "")
                word = word.replace(".", "")
            low.append(lower)
            raw.append(word)
            kinds.append("w")
            flags.append(known.get(lower, 0))
            first.append(begins)
            glued.append(start == end or (hyphen and start == end + 1))
            owner.append(owned)
            if negated:
                low.append("not")
                raw.append("not")
                kinds.append("w")
                flags.append(NEGATOR | COMMON)
                first.append(False)
                glued.append(True)
                owner.append(False)
            begins = False
            hyphen = False
        elif kind == "e":
            if word in _SENTENCE:
                begins = True
            hyphen = word == "-" and start == end
            continue
        else:
            assert kind is not None  # every alternative has a name
            low.append(word)
            raw.append(word)
            kinds.append(kind)
            flags.append(0)
            first.append(begins)
            glued.append(start == end or (hyphen and start == end + 1))
            owner.append(False)
            if kind not in marks:
                marks += kind
            begins = False
            hyphen = False
        end = stop
    return Tokens(low, raw, kinds, flags, first, glued, owner, marks)
