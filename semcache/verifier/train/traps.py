"""Traps and near repeats made of real questions.

A trap is one minimal change that surely changes the answer. Where a change might leave it as it is (the order of "A and
B", a "not" in a question that is answered by yes or no, "how hot" for "how cold"), no trap is made: a wrong label costs
more than a trap that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Final

import msgspec

from semcache.verifier.train.families import an, plural
from semcache.verifier.train.opposed import UNTOUCHED, opposites
from semcache.verifier.train.surface import noisy_as
from semcache.verifier.train.values import MONTHS, Listed, Value, kinds, listed, slip, words


class Edit(msgspec.Struct, frozen=True):
    """One change: what stands from `start` to `end` becomes `new`."""

    kind: str
    """Of the trap, e.g. `negation`."""
    start: int
    end: int
    new: str
    repeatable: bool = False
    """Whether the same words, replaced in the same way in a paraphrase, leave it a paraphrase."""

    def of(self, text: str) -> str:
        """The text with the change; "a" and "an" before it fit."""
        before = text[: self.start]
        article = re.search(r"\b(an?)(\s+)$", before, re.IGNORECASE)
        if article and self.new[:1].isalnum():
            fitting = "an" if an(self.new) else "a"
            if article.group(1)[0].isupper():
                fitting = fitting.capitalize()
            before = before[: article.start(1)] + fitting + article.group(2)
        return before + self.new + text[self.end :]


Finder = Callable[[str, Random], Iterator[Edit]]
"""The changes of one sort that a text allows."""


def _cased(model: str, new: str) -> str:
    if model.isupper() and len(model) > 1:
        return new.upper()
    if not model.islower():
        new = _PROPER.get(new, new)
    return new[:1].upper() + new[1:] if model[:1].isupper() else new


_PROPER: Final = {
    "android": "Android",
    "iphone": "iPhone",
    "ios": "iOS",
    "linux": "Linux",
    "windows": "Windows",
    "mac": "Mac",
}


# --- numbers, units, dates -------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w.,:/#@-])[$€£]?(\d{1,3}(?:,\d{3})+|\d+)(?P<rest>\.\d+)?(?![\w:/@]|,\d|\.\w|-\w*\d)%?")
_AGED = re.compile(r"[ -]?(?:years?|yrs?|y/?o)\b|[ -]?(?:male|female|m|f)\b", re.IGNORECASE)
_NUMBER_WORDS: Final = {words(number): number for number in (*range(2, 21), 30, 40, 50, 60, 70, 80, 90)}
_NUMBER_WORD = re.compile(rf"\b({'|'.join(sorted(_NUMBER_WORDS, key=len, reverse=True))})\b(?!-)", re.IGNORECASE)
_UNITS: Final = tuple(
    tuple(each.split("/"))
    for each in listed("""
        km/miles/meters kilometers/miles kilometres/miles miles/kilometers kg/pounds/grams kgs/pounds
        kilograms/pounds pounds/kilograms lbs/kg grams/ounces ounces/grams seconds/minutes minutes/hours/seconds
        mins/hours hours/days/minutes hrs/days days/weeks/months weeks/months/days months/years/weeks
        years/months/weeks feet/meters meters/feet metres/feet cm/inches/mm inches/cm inch/cm liters/gallons
        litres/gallons gallons/liters cups/tablespoons tablespoons/cups dollars/euros euros/dollars
        rupees/dollars lakhs/crores lakh/crore crore/lakh crores/lakhs million/billion billion/million
        percent/times gb/tb/mb GB/TB/MB mb/gb MB/GB mph/kmh
        """)
)
_UNIT_OF: Final = {names[0]: names[1:] for names in _UNITS}
_UNIT = re.compile(rf"(?<=\d )(?:{'|'.join(sorted(_UNIT_OF, key=len, reverse=True))})\b")
_SIGNS: Final = {"$": "€", "€": "£", "£": "$"}


def numbers(text: str, rng: Random) -> Iterator[Edit]:
    """A number, year, amount or unit that is another one."""
    for match in _NUMBER.finditer(text):
        digits = match.group(1).replace(",", "")
        if len(digits) > 9 or text[match.start() : match.end()].startswith(("24/7", "50/50")):
            continue
        at, number = match.start(1), int(digits)
        if len(digits) == 4 and 1800 <= number <= 2100 and "," not in match.group(1):
            year = rng.choice([each for each in (number + 1, number - 1, number + 10, number - 10) if each <= 2100])
            yield Edit("date", at, at + 4, str(year), repeatable=True)
            continue
        if match.group("rest"):
            rest = match.group("rest")[1:]
            other = str((int(rest) + rng.randint(1, 8)) % 10 ** len(rest)).zfill(len(rest))
            yield Edit("number", match.start("rest") + 1, match.end("rest"), other, repeatable=True)
            continue
        changed = slip(number, rng, 1, 10**10)
        if _AGED.match(text[match.end() :]):
            # a year more or less is no other question
            changed = number + rng.choice((-1, 1)) * rng.randint(10, 20)
        if changed != number and changed > 0:
            new = f"{changed:,}" if "," in match.group(1) and changed >= 1000 else str(changed)
            yield Edit("number", at, match.end(1), new, repeatable=True)
        sign = match.group()[:1]
        if sign in _SIGNS and rng.random() < 0.3:
            yield Edit("number", match.start(), match.start() + 1, _SIGNS[sign], repeatable=True)
    for match in _NUMBER_WORD.finditer(text):
        # "the two" and "between two" count what is named anyhow
        if re.search(r"\b(?:the|these|those|between|other|of|top)\s+$", text[: match.start()], re.IGNORECASE):
            continue
        number = _NUMBER_WORDS[match.group().lower()]
        changed = slip(number, rng, 2, 20) if number <= 20 else rng.choice([30, 40, 50, 60, 70, 80, 90])
        if changed != number:
            yield Edit("number", *match.span(), _cased(match.group(), words(changed)), repeatable=True)
    for match in _UNIT.finditer(text):
        yield Edit("number", *match.span(), rng.choice(_UNIT_OF[match.group()]), repeatable=True)


_WEEKDAYS: Final = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_DAY = re.compile(rf"\b({'|'.join(_WEEKDAYS)})(s?)\b", re.IGNORECASE)
_NAMED_DAY = re.compile(r"\b(?:black|good|bloody|ash|palm|super|easter|cyber|freaky|casual)\s+$", re.IGNORECASE)
_MONTH = re.compile(
    rf"\b(?:{'|'.join(each for each in MONTHS if each != 'May')})\b|(?<=[Ii]n )May\b|(?<=[Oo]f )May\b|\bMay(?= \d)"
)


def dates(text: str, rng: Random) -> Iterator[Edit]:
    """Another weekday or month."""
    for match in _DAY.finditer(text):
        if not _NAMED_DAY.search(text[: match.start()]) and not re.match(r"\W+the 13th", text[match.end() :]):
            other = rng.choice([each for each in _WEEKDAYS if each.lower() != match.group(1).lower()])
            other = other if match.group()[0].isupper() else other.lower()
            yield Edit("date", match.start(1), match.end(1), other, repeatable=True)
    for match in _MONTH.finditer(text):
        other = rng.choice([each for each in MONTHS if each != match.group()])
        yield Edit("date", *match.span(), other, repeatable=True)


# --- names -----------------------------------------------------------------------------------------------------------

_AMBIGUOUS: Final = frozenset(
    listed("""
    go c r d swift dash target apple shell edge opera arc express phoenix rocket fiber gin ionic up coco frozen
    barbie joker eagles kiss muse queen blur oasis maker render railway dune columbia jordan murray don po hive
    oracle emma julia mercury signal messenger slack polish turkey basic ada scheme crystal assembly nim zig
    dart lua puma lead tin silver gold copper mint orange cream gold ivory rose up us pages numbers notion zoom
    signal stellar cosmos tron remix astro ember pyramid tornado canary rio la sf lima ford visa nice reading
    mobile discover student joint business personal trust investment store fuel corporate credit debit gift
    travel 1984 titanic avatar alien up psycho vertigo joker jaws predator gladiator inception parasite beloved
    ulysses homer plato mean table scale duck turkey python ram rat cow pig chicken fox bear swan goat turkey
    shark crow python salmon coral mustard lavender cement sound recorder organ triangle drums golf polo law
    medicine history finance marketing philosophy milk rice butter back hip calf chest nose hand foot spider
    ruby rust pascal groovy perl java excel word access teacher judge editor host scout pilot law history
    physics english indian latin pound may march washington lincoln victoria austin georgia paris florence
    sydney charlotte jackson madison dallas boston orlando
    """)
) - frozenset(
    {
        "java",
        "excel",
        "paris",
        "sydney",
        "dallas",
        "boston",
        "orlando",
        "history",
        "physics",
        "english",
        "philosophy",
        "finance",
        "teacher",
    }
)
"""Names that are words, or names of several things: left alone."""

_TYPES: Final = listed("""
    city country language company product app browser os proglang database framework filetype crypto cloud
    planet historical team disease medicine instrument sport subject job exam holiday animal
    """)
_LOWER: Final = frozenset(listed("disease medicine instrument sport subject job animal"))
_NATIONS: Final = listed("""
    American British Indian Chinese Japanese German French Italian Spanish Russian Canadian Australian Mexican
    Brazilian Irish Scottish Swedish Turkish Egyptian Korean Pakistani Nigerian Greek Dutch Polish Austrian
    """)
_TOKEN = re.compile(r"[A-Za-zÀ-ÿ0-9][\w+#]*(?:[.'-][A-Za-z0-9]+)*[+#]*")


class _Name(msgspec.Struct, frozen=True):
    type: str
    value: Value


@lru_cache(maxsize=1)
def _names() -> dict[str, _Name]:
    """Spelling in lower case -> what it names; what names two things is left out."""
    found: dict[str, _Name] = {}
    twice: set[str] = set()
    for name in _TYPES:
        kind = kinds()[name]
        assert isinstance(kind, Listed)
        for value in kind.values:
            for spelling in value.spellings:
                folded = spelling.lower()
                if folded in found:
                    twice.add(folded)
                if folded not in _AMBIGUOUS and len(folded) > 2:
                    found[folded] = _Name(name, value)
    for each in _NATIONS:
        if each.lower() not in _AMBIGUOUS:
            found.setdefault(each.lower(), _Name("language", Value((each,), (each,))))
    return {spelling: name for spelling, name in found.items() if spelling not in twice}


def names(text: str, rng: Random) -> Iterator[Edit]:
    """A place, product, language, animal, job and so on swapped for another of its type."""
    tokens = list(_TOKEN.finditer(text))
    lower, at = text.lower(), 0
    while at < len(tokens):
        step = 1
        for length in (3, 2, 1):
            if at + length > len(tokens):
                continue
            start, end = tokens[at].start(), tokens[at + length - 1].end()
            name = _names().get(lower[start:end])
            many = False
            if name is None and length <= 2 and lower[end - 1] == "s" and end - start > 4:
                name = _names().get(lower[start : end - 1])
                many = name is not None and name.type in _LOWER
                name = name if many else None
            if name is None:
                continue
            step = length
            edit = _renamed(text, start, end, name, many, rng)
            if edit is not None:
                yield edit
            break
        at += step


def _renamed(text: str, start: int, end: int, name: _Name, many: bool, rng: Random) -> Edit | None:
    old = text[start:end]
    upper = old[:1].isupper()
    common = name.type in _LOWER
    # part of a longer name, such as Microsoft Excel, University of Texas at Austin, Air France
    before = re.search(r"([A-Z][\w.&]*)[ -]$", text[:start])
    after = re.match(r"(?:[ -]|'s )([A-Z][\w.]*)", text[end:])
    if upper and not common and (after or (before and before.start() > 0)):
        return None
    if text[end : end + 1] in ("-", "/", "_", "@") or text[start - 1 : start] in ("-", "/", "_", "@", ".", "#"):
        return None
    if common and upper and start > 0 and not text.istitle():
        return None
    # what is also a verb or an adjective is a name only in capitals
    if (
        not common
        and not upper
        and name.type not in ("city", "country", "language", "company", "os", "proglang", "database", "app", "filetype")
    ):
        return None
    # "Spanish food" is of a nation, "learn Spanish" and "in Spanish" a language
    spoken = re.search(r"(?:in|into|to|from|learn|speak|learning|speaking|than) $", text[:start], re.IGNORECASE)
    nation = name.type == "language" and old.title() in _NATIONS and not spoken
    if nation:
        choice = rng.choice([each for each in _NATIONS if each.lower() != old.lower()])
    else:
        other = kinds()[name.type].other(name.value, rng)
        if other is None:
            return None
        choice = other.spellings[0]
    if choice.lower() in text.lower() or old.lower() in choice.lower():
        return None
    if many:
        choice = plural(choice)
    if not upper:
        choice = choice.lower()
    elif common:
        choice = choice[:1].upper() + choice[1:]
    kind = "language" if name.type == "language" and not nation else "role" if name.type == "job" else "entity"
    return Edit(kind, start, end, choice, repeatable=True)


_PERSON = re.compile(r"(?<=[a-z] )([A-Z][a-z]+ [A-Z][a-z]+)(?='s\b|[ ,.?!]|$)(?! [A-Z])")
_PEOPLE: Final = listed("""
    Barack_Obama Angela_Merkel Elon_Musk Taylor_Swift Serena_Williams Roger_Federer Tom_Hanks Meryl_Streep
    Bill_Gates Oprah_Winfrey Narendra_Modi Lionel_Messi Cristiano_Ronaldo Justin_Trudeau Emma_Watson
    Stephen_King Agatha_Christie Virat_Kohli Sachin_Tendulkar Margaret_Thatcher Ronald_Reagan Steve_Jobs
    Mark_Zuckerberg Jeff_Bezos Bob_Dylan Michael_Jordan Usain_Bolt Neil_Armstrong
    """)


def people(text: str, rng: Random) -> Iterator[Edit]:
    """A name of two words that no list knows, swapped for somebody else's."""
    for match in _PERSON.finditer(text):
        first, last = match.group(1).lower().split()
        if re.search(r"\b(?:in|at|for|from|near|to|the|an?|on) $", text[: match.start()]):
            continue
        if match.group(1).lower() in _names() or first in _COMMON_FIRST or last in _COMMON_LAST:
            continue
        other = rng.choice(_PEOPLE).replace("_", " ")
        if other.split()[1] not in text:
            yield Edit("entity", match.start(1), match.end(1), other, repeatable=True)


_COMMON_FIRST: Final = frozenset(
    listed("""
    new old south north west east united great high stack social data machine deep artificial computer the my
    your a an is in civil mechanical electrical bachelor master national international american indian chinese
    british world prime air supreme game harry star black white red blue green big first second third what how
    why who when where which best google microsoft saudi sri hong los san las el de la real human black
    operating web android
    """)
)
_COMMON_LAST: Final = frozenset(
    listed("""
    university college school engineering science sciences party war act state states exam test bank company
    city island islands river lake sea ocean valley street road app apps store phone pro plus series rights law
    court minister president house language languages empire dynasty theory intelligence learning rate card code
    day days year network media note notes thrones potter wars america india china kingdom states korea zealand
    africa york delhi overflow
    """)
)

# --- opposites -------------------------------------------------------------------------------------------------------

_AFTER: Final[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    (before, "open"): (("closed", "antonym"),) for before in ("is", "are", "be", "was", "were", "stay", "stays")
} | {(before, "causes"): (("cures", "antonym"), ("prevents", "antonym")) for before in ("what", "which", "that", "who")}
"""Where the word before tells an adjective or a verb."""
_PHRASE_WORD = re.compile(r"[A-Za-z]+(?:[-'][A-Za-z]+)*")


def opposed(text: str, rng: Random) -> Iterator[Edit]:
    """A word or phrase turned into its opposite, unless the question holds both or measures between them."""
    lower, table = text.lower(), opposites()
    tokens = list(_PHRASE_WORD.finditer(lower))
    present = {token.group() for token in tokens}
    barred = [span for phrase in UNTOUCHED if phrase in lower for span in _spans(phrase, lower)]
    if {"whether", "vs", "versus"} & present or "or not" in lower:
        return
    at = 0
    while at < len(tokens):
        step = 1
        for length in (3, 2, 1):
            if at + length > len(tokens):
                continue
            start, end = tokens[at].start(), tokens[at + length - 1].end()
            others = table.get(lower[start:end])
            if others is None:
                continue
            step = length
            # "how old" and "how young" ask the same; "big or small" does so in any order
            if (at and tokens[at - 1].group() in ("how", "or")) or (
                at + length < len(tokens) and tokens[at + length].group() == "or"
            ):
                break
            if any(from_ < end and start < to for from_, to in barred):
                break
            previous = tokens[at - 1].group() if at else ""
            if lower[start:end] == "open" and tokens[0].group() in ("is", "are", "was", "were"):
                previous = "is"
            others = _AFTER.get((previous, lower[start:end]), others)
            if any(_present(other, present, lower) for other, _ in others) or not _alone(text, start, end):
                break
            other, kind = rng.choice(others)
            yield Edit(kind, start, end, _cased(text[start:end], other), repeatable=True)
            break
        at += step


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(phrase)}\b")


def _spans(phrase: str, lower: str) -> list[tuple[int, int]]:
    return [match.span() for match in _pattern(phrase).finditer(lower)]


def _present(other: str, present: set[str], lower: str) -> bool:
    if " " in other:
        return other in lower
    # "buyer" beside "sell": its stem is there, and with it the opposite
    stem = other[: max(4, len(other) - 3)]
    return other in present or any(len(stem) > 3 and word.startswith(stem) for word in present)


def _alone(text: str, start: int, end: int) -> bool:
    """Neither part of a name nor of a compound, path or identifier."""
    if text[end : end + 1] in ("-", "/", "_", "@", "(", "'", "’") or text[start - 1 : start] in (
        "-",
        "/",
        "_",
        "@",
        ".",
        "#",
        "'",
    ):
        return False
    if (
        start
        and text[start].isupper()
        and not text[start:end].isupper()
        and text[start - 2 : start - 1] not in (".", "?", "!", ":", '"')
    ):
        return False
    return text.isupper() or not text[start].isupper() or not re.match(r" [A-Z]", text[end:])


# --- negation --------------------------------------------------------------------------------------------------------

_AUX: Final = "can|could|should|would|will|do|does|did|is|are|was|were|has|have|must"
_NOT: Final = {each: f"{each}n't" for each in _AUX.split("|")} | {"can": "can't", "will": "won't"}
_WHY = re.compile(rf"\b(why) ({_AUX})\b(?! not\b|n['’]t)(?= \w+ \w+)", re.IGNORECASE)
_WHICH = re.compile(
    r"\b(?:what|which(?: \w+)?|who|when|where)(?: \w+){0,2} (should|can|must|could) "
    r"(i|you|we|he|she|they|one|people)\b(?! not\b| do\b)(?= \w)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?<=[a-z,] )(?:that|who|which|if|because|but) (?:(?:i|you|we|they|he|she|it|my \w+|the \w+) )?"
    rf"({_AUX})\b(?! not\b|n['’]t| to\b)(?= [a-z]+)",
    re.IGNORECASE,
)
_STATED = re.compile(
    rf"(?<!\w)({_AUX})(?:n['’]t| not)\b|\bcan(?:not|['’]t| not)\b|\bwo(?:n['’]t)\b",
    re.IGNORECASE,
)
_WITH = re.compile(r"\b(with|without)\b(?= (?:a |an |any |my |the |using )?[A-Za-z])", re.IGNORECASE)
_WITH_AFTER: Final = frozenset(
    listed("""
    deal dealing deals wrong problem problems issue issues love sex talk talking speak speaking happen happens
    happened happening do agree compare compared comparing along up cope coping start starting begin associated
    together live living work working works help helping stay staying break breaking sleep sleeping play playing
    compatible familiar come comes came coming go goes going connect connected meet filled fill replace replaced
    experience relationship related marry married contact affiliated satisfied happy angry friend friends in
    communicate interact obsessed associate identify provide provided provides associated begins begun born
    bored done mess matter what's whats fight fighting treat treated tired charged equipped involved interfere
    interferes common anything something nothing infected diagnosed end ends ended ending share shared sharing
    be is am are was were fed faced familiar suffering flirt hang chat chatting sync paired pair align aligned
    cooperate comply complies
    """)
)


def negation(text: str, rng: Random) -> Iterator[Edit]:
    """A "not" set or struck where it turns the answer: never in a question of yes or no, where it would not."""
    del rng
    first = re.match(r"[\w'’]+", text) or re.match("", text)
    yes_or_no = bool(
        first and re.fullmatch(rf"(?:{_AUX}|may|might|am|had)(?:n['’]t)?|cannot|won['’]t", first.group(), re.IGNORECASE)
    )
    for match in _WHY.finditer(text):
        auxiliary = match.group(2)
        yield Edit("negation", match.start(2), match.end(2), _cased(auxiliary, _NOT[auxiliary.lower()]))
    for match in _WHICH.finditer(text):
        yield Edit("negation", match.end(2), match.end(2), " not")
    for match in _CLAUSE.finditer(text):
        auxiliary = match.group(1)
        # "people who do yoga" does something: its "do" helps no other verb
        if auxiliary.lower() in ("do", "does", "did", "has", "have"):
            continue
        yield Edit("negation", *match.span(1), _NOT[auxiliary.lower()])
    for match in _STATED.finditer(text):
        # "isn't it?" and "don't you think" ask what they ask without their "not"
        if match.start() == 0 or (re.search(r"(?:,|\bor|\bwhether|\bif)\s+$", text[: match.start()]) and yes_or_no):
            continue
        if re.search(r"(?:, | or |or$)$", text[: match.start()]) or re.match(
            r" only\b| just\b| even\b", text[match.end() :]
        ):
            continue
        if match.end() >= len(text.rstrip("?. !")):
            continue
        auxiliary = match.group(1) or ("will" if match.group()[:2].lower() == "wo" else "can")
        subject = re.search(
            r"\b(?:i|you|we|they|people|that|who|which|to|\w+s)\s+$", text[: match.start()], re.IGNORECASE
        )
        if auxiliary.lower() == "do" and subject and not re.search(r"\bwhy\s+$", text[: match.start()], re.IGNORECASE):
            yield Edit("negation", match.start(), match.end() + 1, "")
        else:
            yield Edit("negation", *match.span(), _cased(match.group(), auxiliary.lower()))
    for match in _WITH.finditer(text):
        previous = re.search(r"([\w'’]+)[ ,]+$", text[: match.start()])
        word = match.group().lower()
        if word == "with" and (previous is None or previous.group(1).lower() in _WITH_AFTER):
            continue
        if word == "with" and re.match(
            r" (?:(?:my|the) (?:help|way|use|same)|respect|regards?|it|him|her|me|you|them|us|this|that)\b",
            text[match.end() :],
        ):
            continue
        if word == "without" and re.match(r" (?:any|using)\b", text[match.end() :]):
            continue
        yield Edit("negation", *match.span(), _cased(match.group(), "without" if word == "with" else "with"))


# --- direction and order ---------------------------------------------------------------------------------------------

_NP: Final = r"(?:(?:the|my|a|an) )?[\w.+#-]+(?: [A-Z][\w.+#-]*)?"
_END: Final = (
    r"(?=$|[?.,!]| (?:in|for|with|by|on|at|using|without|and|when|if|after|before|is|as|because|or|via|through|file)\b)"
)
_FROM_TO = re.compile(rf"\bfrom ({_NP}) (?:in)?to ({_NP}){_END}")
_CONVERT = re.compile(
    r"\b(?:convert|converting|change|translate|translating|migrate|migrating|switch|switching|move|moving|transfer|"
    rf"transferring|export|map|cast|transform|turn|upgrade) ((?!from\b){_NP}) (?:in)?to ({_NP}){_END}",
    re.IGNORECASE,
)
_THAN = re.compile(
    r"\b(?:is|are|was|were|does|do) ((?:the |an? )?[\w+#.-]+(?: [A-Z]\w+)?) "
    r"(?:(?:more|less|so much|much|far|often|usually) )*(?:\w+er|better|worse|more \w+|less \w+) "
    r"than ((?:the |an? )?[\w+#.-]+(?: [A-Z]\w+)?)(?=$|[?.,!])",
    re.IGNORECASE,
)
_SYMMETRIC = re.compile(
    r"\b(?:distance|far|between|how long|difference|apart|vs|versus|compare|ratio|time to time|day to day)\b"
    r"|\bfrom (?:one|home|time|day|scratch|start|top|bottom|now|here|morning|a to z|A to Z)\b",
    re.IGNORECASE,
)


def direction(text: str, rng: Random) -> Iterator[Edit]:
    """A and B swapped where it matters which is which; never what is the same both ways."""
    del rng
    for pattern in (_FROM_TO, _CONVERT, _THAN):
        for match in pattern.finditer(text):
            groups = [at for at in range(1, (pattern.groups or 0) + 1) if match.group(at) is not None]
            first, last = groups[0], groups[-1]
            a, b = match.group(first), match.group(last)
            if first == last or _SYMMETRIC.search(text) or a.lower() == b.lower():
                continue
            if not _a_thing(a) or not _a_thing(b):
                continue
            new = b + text[match.end(first) : match.start(last)] + a
            yield Edit("direction", match.start(first), match.end(last), new)


_NO_THING: Final = frozenset(
    listed("""
    be is do go get make have it this that them him her me you us there here one other others another someone
    something school work bed become being doing going getting home death people take use see know learn find
    buy i we they he she what which these those
    """)
)


def _a_thing(text: str) -> bool:
    return text.lower() not in _NO_THING and not text.lower().endswith("ing")


# --- scope, question, language ---------------------------------------------------------------------------------------

_MY = re.compile(r"\bmy\b(?! (?:own|opinion|god|friend|self|name|mind|life|bad)\b)", re.IGNORECASE)
_ALL = re.compile(
    r"(?<!\bat )(?<!\bafter )(?<!\bof )(?<!\bfor )\ball\b(?! (?:this|always|is|over|across)\b)"
    r"(?= (?:the |my |people|men|women|\w+s\b))",
    re.IGNORECASE,
)
_OWNERS: Final = (
    "my friend's",
    "my wife's",
    "my brother's",
    "my boss's",
    "my daughter's",
    "my neighbor's",
    "my colleague's",
)


def scope(text: str, rng: Random) -> Iterator[Edit]:
    """Mine or somebody else's; all or some."""
    mine = list(_MY.finditer(text))
    if len(mine) == 1 and not re.search(r"\b(?:myself|i am|i'm|am i)\b", text, re.IGNORECASE):
        match = mine[0]
        yield Edit("scope", *match.span(), _cased(match.group(), rng.choice(_OWNERS)))
    for match in _ALL.finditer(text):
        follows = text[match.end() :]
        new = "some of" if re.match(r" (?:the|my)\b", follows) else "some"
        yield Edit("scope", *match.span(), _cased(match.group(), new))


_ASKED = re.compile(
    r"(how|why|when|where)(?= (?:do|does|did|should|will|was|were|would) (?!i (?:get|know)\b)\w)", re.IGNORECASE
)
_MEASURED = re.compile(r"\bhow (much does it cost|long does it take)(?= to\b)", re.IGNORECASE)
_HOW_TO = re.compile(r"^how to\b", re.IGNORECASE)
_WORDS_OF: Final = {"how": ("why", "when"), "why": ("how", "when"), "when": ("why", "how"), "where": ("when", "why")}


def question(text: str, rng: Random) -> Iterator[Edit]:
    """Another question word, where grammar has it."""
    match = _ASKED.match(text)
    if match and not re.match(r"how (?:did|do) you (?:feel|like|find|think)|why (?:do|does) ", text, re.IGNORECASE):
        yield Edit("question", *match.span(), _cased(match.group(), rng.choice(_WORDS_OF[match.group().lower()])))
    elif match and re.match(r"why (?:do|does) ", text, re.IGNORECASE):
        yield Edit("question", *match.span(), _cased(match.group(), rng.choice(("when", "how"))))
    for match in _MEASURED.finditer(text):
        other = "long does it take" if match.group(1).lower().startswith("much") else "much does it cost"
        yield Edit("question", *match.span(1), other)
    match = _HOW_TO.match(text)
    if match:
        yield Edit("question", match.start(), match.start() + 3, _cased(match.group(), rng.choice(("when", "where"))))


_ANSWER_IN: Final = (" Answer in {}.", " Please answer in {}.", " Reply in {}.", " (answer in {})")


def answer_language(text: str, rng: Random) -> Iterator[Edit]:
    """The answer asked for in another language."""
    language = rng.choice(
        ("Spanish", "French", "German", "Italian", "Portuguese", "Japanese", "Hindi", "Arabic", "Chinese", "Russian")
    )
    # rare even where nothing else could be changed: one sentence that is appended is soon learnt by heart
    if rng.random() >= 0.05 or language.lower() in text.lower() or not text.rstrip().endswith(("?", ".", "!")):
        return
    yield Edit("language", len(text), len(text), rng.choice(_ANSWER_IN).format(language))


FINDERS: Final[tuple[tuple[Finder, float], ...]] = (
    (numbers, 1.0),
    (dates, 1.0),
    (names, 1.0),
    (people, 0.6),
    (opposed, 1.6),
    (negation, 1.2),
    (direction, 1.5),
    (scope, 0.8),
    (question, 0.6),
    (answer_language, 0.5),
)
"""Sorts of changes, with the weight of each among those that a text allows."""


def edits(text: str, rng: Random) -> list[tuple[Edit, float]]:
    """All changes that the text allows, each with its weight: those of one sort share the sort's."""
    found: list[tuple[Edit, float]] = []
    for finder, weight in FINDERS:
        of_sort = [edit for edit in finder(text, rng) if _fits(edit, text)]
        found.extend((edit, weight / len(of_sort)) for edit in of_sort)
    return found


def _fits(edit: Edit, text: str) -> bool:
    if _fold(edit.of(text)) == _fold(text):
        return False
    # a number or day that the text has elsewhere may make the same sentence of it
    if edit.kind in ("number", "date") and re.search(rf"(?<![\w.]){re.escape(edit.new)}(?!\w)", text):
        return False
    asked = _asked(text)
    return asked is None or asked[0] <= edit.start <= asked[1]


def _asked(text: str) -> tuple[int, int] | None:
    """Where a long text asks: what it tells before and after may well change without another answer."""
    if len(text) < 120:
        return None
    sentences = [match.span() for match in re.finditer(r"[^.?!\n]+(?:[.?!]+(?=\s|$)|[.?!](?=\S)|\n|$)", text)]
    asking = [span for span in sentences if text[span[0] : span[1]].rstrip().endswith("?")]
    return asking[-1] if asking and len(sentences) > 1 else None


def _fold(text: str) -> str:
    return " ".join(text.lower().split()).rstrip("?!. ")


def _chosen(found: list[tuple[Edit, float]], rng: Random) -> Edit:
    return rng.choices([edit for edit, _ in found], [weight for _, weight in found])[0]


def trap(text: str, rng: Random) -> tuple[str, str] | None:
    """The text with one minimal change that surely changes the answer, and the kind of it; None where none is known."""
    found = edits(text, rng)
    if not found:
        return None
    edit = _chosen(found, rng)
    return edit.of(text), f"trap:{edit.kind}"


# --- positives -------------------------------------------------------------------------------------------------------

_THING: Final = r"((?:an? |the )?[\w+#.'-]+(?: [A-Z][\w+#.-]*| (?!and\b|in\b|for\b|of\b)[a-z]+)?)"
_BETWEEN = re.compile(
    rf"\b(?:differences?|comparison|similarit(?:y|ies)|distance|relationship) between {_THING} and {_THING}(?=[?.!]?$)",
    re.IGNORECASE,
)
_VERSUS = re.compile(rf"^{_THING} (?:vs\.?|versus|or) {_THING}(?=[?.!]?$)", re.IGNORECASE)


def symmetric(text: str, rng: Random) -> str | None:
    """ "Difference between B and A" for "difference between A and B": the order says nothing. None where it might."""
    del rng
    for pattern in (_BETWEEN, _VERSUS):
        match = pattern.search(text)
        if match:
            a, b = match.group(1), match.group(2)
            if (
                pattern is _VERSUS
                and match.start(1) == 0
                and re.match(r"(?:is|are|do|does|can|should|what|which|how|why)\b", a, re.IGNORECASE)
            ):
                continue
            return text[: match.start(1)] + b + text[match.end(1) : match.start(2)] + a + text[match.end(2) :]
    return None


def positives(text: str, rng: Random, count: int = 1) -> list[tuple[str, str]]:
    """Up to `count` near repeats of a text, all different, each with its kind (`positive:typo`, ...)."""
    found: dict[str, str] = {}
    turned = symmetric(text, rng)
    if turned is not None and _fold(turned) != _fold(text):
        found[turned] = "positive:symmetric"
    for _ in range(4 * count):
        if len(found) >= count:
            break
        changed, name = noisy_as(text, rng)
        if changed != text:
            found.setdefault(changed, f"positive:{name}")
    return list(found.items())[:count]


def both_sides(a: str, b: str, rng: Random) -> tuple[str, str, bool, str] | None:
    """For two prompts that deserve the same answer: one side changed (a trap), or both alike (still a positive).

    Returns both prompts, whether they deserve the same answer, and the kind; None where no change fits.
    """
    swapped = rng.random() < 0.5
    first, second = (b, a) if swapped else (a, b)
    found = edits(first, rng)
    if not found:
        return None
    shared = [(edit, weight) for edit, weight in found if edit.repeatable and _again(edit, first, second) is not None]
    if shared and rng.random() < 0.5:
        edit = _chosen(shared, rng)
        again = _again(edit, first, second)
        assert again is not None
        changed, other, same, kind = edit.of(first), again, True, f"positive:both-{edit.kind}"
    else:
        edit = _chosen(found, rng)
        new = edit.new.strip().lower()
        # the other side says it already: the change may have made them more alike, not less
        if new and edit.kind != "direction" and re.search(rf"(?<!\w){re.escape(new)}(?!\w)", second.lower()):
            return None
        changed, other, same, kind = edit.of(first), second, False, f"trap:{edit.kind}"
    return (other, changed, same, kind) if swapped else (changed, other, same, kind)


def _again(edit: Edit, text: str, other: str) -> str | None:
    """The other text with the same words replaced, if both hold them just once and neither holds the new ones."""
    old = text[edit.start : edit.end]
    pattern = re.compile(rf"(?<![\w.]){re.escape(old)}(?![\w]|\.\w)", re.IGNORECASE)
    here, there = list(pattern.finditer(text)), list(pattern.finditer(other))
    if len(here) != 1 or len(there) != 1:
        return None
    new = re.compile(rf"(?<!\w){re.escape(edit.new)}(?!\w)", re.IGNORECASE)
    if new.search(text) or new.search(other):
        return None
    replacement = _cased(there[0].group(), edit.new) if edit.new[:1].isalpha() and edit.new.islower() else edit.new
    return Edit(edit.kind, *there[0].span(), replacement).of(other)
