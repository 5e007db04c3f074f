"""Prompts that were written for training: families of questions whose labels hold by construction.

A family (`families/*.toml`) holds groups of asks. All asks of a group deserve one answer as long as their slots hold
the same values; two groups of a family never do. Hence

* a positive is two asks of one group with equal values, each side in a spelling of its own;
* a trap is the same with one slot's value changed, with two ordered slots swapped, or with an ask of another group.

Traps are minimal edits about as often as they are worded anew, and surface noise falls on both kinds of pairs alike:
neither how much two prompts share nor how carelessly they are typed gives the label away.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.surface import noisy
from semcache.verifier.train.values import Kind, Listed, Value, kinds, listed

FOLDER: Final = Path(__file__).with_name("families")
"""The families that are shipped."""

TRAPS: Final = frozenset(
    listed("""
    number entity date negation antonym direction scope question superlative order role time language action
    object condition
""")
)
"""What may set one group apart from another."""

SOURCE: Final = "families"
"""The source of every pair that is made here."""

POSITIVES: Final = 0.45
"""Share of positives."""

NOISE: Final = 0.35
"""Share of prompts with surface noise, whatever the label."""

USUAL: Final = 0.5
"""How often a value stands in its usual spelling; otherwise any of them may."""


class FamilyError(ValueError):
    """A file of families breaks a rule of the format. The text names file, family, group and ask."""


class _Group(msgspec.Struct, forbid_unknown_fields=True):
    asks: list[str]
    trap: str = ""


class _Family(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    group: list[_Group]
    slots: dict[str, str | list[str | list[str]]] = {}
    ordered: list[list[str]] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    family: list[_Family]


class Ask(msgspec.Struct, frozen=True):
    """One wording."""

    parts: tuple[str, ...]
    """Text and slot names in turn, beginning and ending with text (which may be empty)."""
    words: frozenset[str]
    """Its words without slots, for telling how alike two asks are."""

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots it names, in order."""
        return self.parts[1::2]


class Group(msgspec.Struct, frozen=True):
    """Asks that deserve one answer."""

    asks: tuple[Ask, ...]
    trap: str
    slots: tuple[str, ...]
    far: tuple[tuple[int, int], ...]
    """Pairs of asks, those with the fewest words in common first."""


class Family(msgspec.Struct, frozen=True):
    """Groups that never deserve each other's answer."""

    name: str
    groups: tuple[Group, ...]
    slots: dict[str, Kind]
    ordered: tuple[tuple[str, str], ...]
    near: dict[tuple[int, int], tuple[int, ...]]
    """By group and ask: for each group, the ask of it that has most words in common with this one."""


# --- reading ---------------------------------------------------------------------------------------------------------

_SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WORD = re.compile(r"[\w']+")


def load(folder: Path = FOLDER, types: Mapping[str, Kind] | None = None) -> list[Family]:
    """All families of a folder, by file name and place in the file.

    Raises `FamilyError` at the first rule that is broken.
    """
    known = kinds() if types is None else types
    found: list[Family] = []
    owner: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            read = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
            raise FamilyError(f"{path.name}: {wrong}") from None
        for raw in read.family:
            try:
                found.append(_family(raw, known))
            except FamilyError as wrong:
                raise FamilyError(f"{path.name}: {raw.name}: {wrong}") from None
            if raw.name in owner:
                raise FamilyError(f"{path.name}: {raw.name}: this name is taken by {owner[raw.name]}")
            owner[raw.name] = path.name
    return found


def _family(raw: _Family, known: Mapping[str, Kind]) -> Family:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", raw.name):
        raise FamilyError("a name is lower-case words joined by hyphens")
    if len(raw.group) < 2:
        raise FamilyError("a family has two groups or more")
    slots = {name: _kind(name, what, known) for name, what in raw.slots.items()}
    for ordered in raw.ordered:
        if len(ordered) != 2 or ordered[0] == ordered[1] or not set(ordered) <= set(slots):
            raise FamilyError(f"ordered: {ordered} is not two slots of this family")
    seen: dict[str, str] = {}
    groups = []
    for number, group in enumerate(raw.group, 1):
        where = f"group {number}"
        if number > 1 and group.trap not in TRAPS:
            raise FamilyError(f"{where}: trap {group.trap!r} is none of {', '.join(sorted(TRAPS))}")
        if len(group.asks) < 2:
            raise FamilyError(f"{where}: a group has two asks or more")
        asks = [_ask(text, f"{where}, ask {at}", slots) for at, text in enumerate(group.asks, 1)]
        for at, (text, ask) in enumerate(zip(group.asks, asks, strict=True), 1):
            if set(ask.slots) != set(asks[0].slots):
                raise FamilyError(
                    f"{where}, ask {at}: uses {sorted(set(ask.slots))}, the first ask {sorted(set(asks[0].slots))}"
                )
            folded = " ".join(re.findall(r"[^\W_]+|[{}]|[^\w\s.,!?'\"-]", text.lower()))
            if folded in seen:
                raise FamilyError(f"{where}, ask {at}: {text!r} is in {seen[folded]} too")
            seen[folded] = f"{where}, ask {at}"
        pairs = [(i, j) for i in range(len(asks)) for j in range(len(asks)) if i < j]
        pairs.sort(key=lambda pair, asks=asks: overlap(asks[pair[0]], asks[pair[1]]))  # type: ignore[misc]
        groups.append(Group(tuple(asks), group.trap, tuple(sorted(set(asks[0].slots))), tuple(pairs)))
    unused = set(slots) - {slot for group in groups for slot in group.slots}
    if unused:
        raise FamilyError(f"no ask uses {sorted(unused)}")
    near = {
        (g, a): tuple(
            max(range(len(other.asks)), key=lambda at, ask=ask, other=other: overlap(ask, other.asks[at]))  # type: ignore[misc]
            for other in groups
        )
        for g, group in enumerate(groups)
        for a, ask in enumerate(group.asks)
    }
    return Family(raw.name, tuple(groups), slots, tuple((a, b) for a, b in raw.ordered), near)


def _kind(name: str, what: str | list[str | list[str]], known: Mapping[str, Kind]) -> Kind:
    if isinstance(what, str):
        if what not in known:
            raise FamilyError(f"slot {name}: no type is called {what!r}")
        return known[what]
    if len(what) < 2:
        raise FamilyError(f"slot {name}: one value cannot be changed into another")
    texts = [each if isinstance(each, str) else each[0] for each in what]
    numbers = sum(bool(re.search(r"\d", each)) for each in texts)
    named = sum(bool(re.search(r"\b[A-Z]", each)) for each in texts)
    trap = "number" if 2 * numbers > len(texts) else "entity" if 2 * named > len(texts) else "object"
    try:
        return Listed(what, trap=trap)
    except ValueError as wrong:
        raise FamilyError(f"slot {name}: {wrong}") from None


def _ask(text: str, where: str, slots: Mapping[str, Kind]) -> Ask:
    if not text.strip() or text != text.strip():
        raise FamilyError(f"{where}: {text!r} is empty or has blanks around it")
    parts = tuple(_SLOT.split(text))
    unknown = set(parts[1::2]) - set(slots)
    if unknown:
        raise FamilyError(f"{where}: {sorted(unknown)} is no slot of this family")
    if any("{" in each or "}" in each for each in parts[::2]):
        raise FamilyError(f"{where}: a brace stands alone in {text!r}")
    return Ask(parts, frozenset(_WORD.findall(" ".join(parts[::2]).lower())))


def overlap(a: Ask, b: Ask) -> float:
    """Share of words that two asks have in common, 0 to 1 (Jaccard)."""
    union = len(a.words | b.words)
    return len(a.words & b.words) / union if union else 1.0


# --- writing one prompt ----------------------------------------------------------------------------------------------

_ARTICLE = re.compile(r"(?:^|(?<=[\s(\"']))(an?)(\s+)$", re.IGNORECASE)
_BEFORE = re.compile(r"([\w']+)\s+$")
_AFTER = re.compile(r"^\s+([A-Za-z][\w'-]*)")
_DETERMINERS: Final = frozenset(
    listed("""
    a an my this that another one your each every our
""")
)
_OWNING: Final = _DETERMINERS | {"the", "any", "some"}
_TAKES_THE: Final = frozenset(
    listed("""
    of in on for to from along across is does do has about into through take taking took pass passing passed and
    than near with at cross crossing crossed retake fail failing failed are was before after by sit sitting or
    vs versus over called down up but
""")
)
_FUNCTION_WORDS: Final = frozenset(
    listed("""
    and or but in on at to from for of with without by into onto than that which who when while if is are was
    were be am i you he she it we they my your do does did can could should would will has have had not as per
    so because before after during until till since over under up down out off via the a an this these those
    right now today again instead too then each every only safely go come get got help work last take how what
    why where there here between against about around across through like yet still already all any vs versus
""")
)
_LETTERS = re.compile(r"[A-Z]{2,}\b|[A-Z]\b|[A-Z]{2,}\d|[FHLMNRSX][A-Z]+\d*\b")
_IRREGULAR: Final = {
    "mouse": "mice",
    "wolf": "wolves",
    "goose": "geese",
    "foot": "feet",
    "tooth": "teeth",
    "calf": "calves",
    "bookshelf": "bookshelves",
    "knife": "knives",
    "child": "children",
    "wife": "wives",
    "ex-wife": "ex-wives",
    "octopus": "octopuses",
    "cactus": "cacti",
    "Christmas cactus": "Christmas cacti",
}


def an(word: str) -> bool:
    """Whether "an" stands before what is said like this, not "a"."""
    word = word.lstrip("$€£#\"'")
    if re.match(r"(?:8|11(?!\d)|18(?!\d)|11,|18,)", word):
        return True
    if word[:1].isdigit():
        return False
    if _LETTERS.match(word) and not re.match(r"[A-Z][a-z]", word) and word.split()[0].upper() not in _SAID_AS_WORDS:
        return word[0] in "AEFHILMNORSX"
    if re.match(r"(?:one\b|uni(?![nmd])|us[eu]|util|euro|eu[a-z]|uk[ue]|ura|ufo|uruguay)", word, re.IGNORECASE):
        return False
    return bool(re.match(r"(?:[aeiou]|hour|honest|hono[u]?r|heir)", word, re.IGNORECASE))


_SAID_AS_WORDS: Final = frozenset(
    {
        "NASA",
        "RAM",
        "RAR",
        "SAP",
        "RAID",
        "MOBI",
        "HEIC",
        "LAN",
        "SAT",
        "NIM",
        "MOV",
        "SIM",
        "MAC",
        "JSON",
        "YAML",
        "ZIP",
        "TAR",
        "LISP",
        "TOML",
    }
)


def plural(word: str) -> str:
    """The plural of a noun, or of the last noun of a phrase."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("-in-law"):
        return word.replace("-in-law", "s-in-law", 1)
    if re.search(r"[^aeiou]y$", word) and not word[0].isupper():
        return word[:-1] + "ies"
    if re.search(r"(?:s|x|z|ch|sh)$", word):
        return word + "es"
    return word + "s"


def write(ask: Ask, values: Mapping[str, Value], family: Family, rng: Random, spelled: dict[str, int]) -> str:
    """The prompt. `spelled` says which spelling each slot has so far, and learns those that are chosen here."""
    out = ask.parts[0]
    for at in range(1, len(ask.parts), 2):
        name, after = ask.parts[at], ask.parts[at + 1]
        value, kind = values[name], family.slots[name]
        if name not in spelled:
            spelled[name] = 0 if rng.random() < USUAL else rng.randrange(1 << 16)
        spellings = value.spellings
        before = _BEFORE.search(out)
        previous = before.group(1).lower() if before else ""
        following = _AFTER.match(after)
        next_word = following.group(1).lower() if following else ""
        attributive = bool(next_word) and next_word not in _FUNCTION_WORDS
        if value.before_noun and attributive and previous in _DETERMINERS:
            spellings = value.before_noun
        text = spellings[spelled[name] % len(spellings)]
        glued = after[:1]
        if glued.isalpha() or (glued in ("'", "’", "-") and len(after) > 1):
            text = value.spellings[0]
            if re.match(r"s\b", after):
                text, after = plural(text), after[1:]
        if previous in _OWNING and re.match(r"an? ", text):
            # "another half an hour" is fine, "another an hour" is not
            text = next((each for each in value.spellings if not re.match(r"an? ", each)), text)
        if out.endswith("#"):
            text = text.lstrip("#")
        article = _ARTICLE.search(out)
        if article:
            if kind.mass and not attributive:
                out = out[: article.start(1)]
            else:
                fitting = "an" if an(text) else "a"
                out = (
                    out[: article.start(1)]
                    + (fitting.capitalize() if article.group(1)[0] == "A" else fitting)
                    + article.group(2)
                )
        elif kind.article and previous in _TAKES_THE:
            out += f"{kind.article} "
        if kind.noun and not next_word.startswith(kind.noun) and not text.endswith(kind.noun):
            text = f"{text} {kind.noun}"
        if not out and ask.parts[-1][-1:] in ("?", ".", "!") and text[:1].islower() and not text[1:2].isupper():
            text = text[0].upper() + text[1:]
        out += text + after
    # no second full stop after "3 p.m."
    return out.replace("p.m..", "p.m.").replace("a.m..", "a.m.")


# --- pairs -----------------------------------------------------------------------------------------------------------


def pairs(
    families: Sequence[Family],
    rng: Random,
    count: int,
    *,
    noise: Callable[[str, Random], str] = noisy,
    share: float = NOISE,
) -> Iterator[LabelledPair]:
    """`count` labelled pairs, every family as often as every other. The same seed gives the same pairs."""
    if not families:
        raise FamilyError("there is no family")
    made = 0
    while made < count:
        for family in rng.sample(families, len(families)):
            pair = (
                _positive(family, rng, noise, share) if rng.random() < POSITIVES else _trap(family, rng, noise, share)
            )
            if pair is not None:
                made += 1
                yield pair
            if made == count:
                return


def _values(family: Family, slots: Sequence[str], rng: Random) -> dict[str, Value] | None:
    chosen: dict[str, Value] = {}
    for slot in slots:
        value = family.slots[slot].draw(rng, chosen.values())
        if value is None:
            return None
        chosen[slot] = value
    return chosen


def _fold(text: str) -> str:
    return " ".join(text.lower().split()).rstrip("?!. ")


def _noised(a: str, b: str, rng: Random, noise: Callable[[str, Random], str], share: float) -> tuple[str, str]:
    if rng.random() < share:
        a = noise(a, rng)
    if rng.random() < share:
        b = noise(b, rng)
    return (a, b) if rng.random() < 0.5 else (b, a)


def _positive(family: Family, rng: Random, noise: Callable[[str, Random], str], share: float) -> LabelledPair | None:
    group = rng.choice(family.groups)
    values = _values(family, group.slots, rng)
    if values is None:
        return None
    draw = rng.random()
    if draw < 0.2:
        i = j = rng.randrange(len(group.asks))
    elif draw < 0.6:
        i, j = rng.choice(group.far[: (len(group.far) + 1) // 2])
    else:
        i, j = rng.choice(group.far)
    first: dict[str, int] = {}
    a = write(group.asks[i], values, family, rng, first)
    b = write(group.asks[j], values, family, rng, dict(first) if rng.random() < 0.4 else {})
    kind = "positive:paraphrase" if i != j else "positive:surface" if _fold(a) == _fold(b) else "positive:spelling"
    a, b = _noised(a, b, rng, noise, share)
    for _ in range(5):
        if a != b:
            break
        b = noise(b, rng)
    if a == b:
        return None
    return LabelledPair(a, b, True, kind, SOURCE, family.name)


def _trap(family: Family, rng: Random, noise: Callable[[str, Random], str], share: float) -> LabelledPair | None:
    at = rng.randrange(len(family.groups))
    group = family.groups[at]
    swaps = [pair for pair in family.ordered if set(pair) <= set(group.slots)]
    way = rng.choices(("group", "slot", "swap"), (5, 4 if group.slots else 0, 2 if swaps else 0))[0]
    i = rng.randrange(len(group.asks))
    if way == "group":
        to = rng.choice([each for each in range(len(family.groups)) if each != at])
        other = family.groups[to]
        values = _values(family, sorted({*group.slots, *other.slots}), rng)
        if values is None:
            return None
        changed = values
        j = family.near[at, i][to] if rng.random() < 0.5 else rng.randrange(len(other.asks))
        # the first group has no name for what sets it apart; of two others the later one's says as much as any
        kind = family.groups[max(at, to)].trap
    else:
        other = group
        values = _values(family, group.slots, rng)
        if values is None:
            return None
        j = i if rng.random() < 0.55 else rng.randrange(len(group.asks))
        if way == "slot":
            slot = rng.choice(group.slots)
            another = family.slots[slot].other(values[slot], rng, [v for name, v in values.items() if name != slot])
            if another is None:
                return None
            changed = {**values, slot: another}
            kind = family.slots[slot].trap
        else:
            x, y = rng.choice(swaps)
            changed = {**values, x: values[y], y: values[x]}
            kind = "direction"
    spelled: dict[str, int] = {}
    a = write(group.asks[i], values, family, rng, spelled)
    b = write(other.asks[j], changed, family, rng, dict(spelled) if rng.random() < 0.6 else {})
    if _fold(a) == _fold(b):
        return None
    a, b = _noised(a, b, rng, noise, share)
    return LabelledPair(a, b, False, f"trap:{kind}", SOURCE, family.name)
