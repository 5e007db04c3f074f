"""Surface noise: what people do to a question without asking another one.

Typos, case, punctuation, blanks, politeness, fillers, contractions, British and American spelling. Each is a function
of a text and an injected generator that gives the text back where it has nothing to do. None touches a digit, an
identifier, or a word whose loss or change could change what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Final

from semcache.verifier.train.values import MONTHS, Listed, kinds, listed, words

Change = Callable[[str, Random], str]
"""A text, changed so that it still asks the same."""

# --- typos -----------------------------------------------------------------------------------------------------------

PROTECTED: Final = frozenset(
    listed("""
to from on off in out up down at by of for with without within not no nor non never none nothing can can't
cannot cant could couldn't do don't dont does doesn't did didn't is isn't are aren't was wasn't were weren't has
hasn't have haven't had hadn't will won't would wouldn't should shouldn't must mustn't may might need needn't
before after over under above below into onto upon about between among against per than then this that these
those here there where when why how who whom whose which what while until till since all any some each every
both either neither many few much more most less least only just ever also again always my your his her its our
their me you him them us i he she it we they mine yours hers ours theirs first last next previous best worst
high low higher lower highest lowest big small long short old new hot cold buy sell add sub get set put let lend
borrow send save open close start stop begin end turn push pull read write import export input output upload
download enable disable install uninstall include exclude increase decrease raise lower gain lose win lock
unlock block unblock left right north south east west man men woman women boy girl son daughter day days week
weeks month months year years hour hours minute minutes even odd true false yes hundred thousand million billion
dozen half quarter double single once twice and or but if so as be been being
""")
    + [words(number) for number in range(21)]
    + [words(number) for number in range(30, 100, 10)]
    + [each.lower() for each in MONTHS]
)
"""Words that carry the question: no typo touches one, none makes one."""

COMMON: Final = frozenset(
    listed("""
    lie lied lies die died dies tie pie lay say way pay ray bay hay sun son ton won fun gun run cut put bus bud bug bag
    beg big bin ban pen pan pin pit pet pot bit bat bet hit hat hot hut mat net nut rat red rid rod rob rub sad set sit
    tap tip top tan ten tin ear eat era ice ill ink ion its jam jar job key kid lab lap law led leg lip log lot low mad
    map mix nor now nun oak oar odd off oil one ore our own raw row saw sea see sky spy tea toe toy use van war web wet
    who why win yet you zip she he him has had ham ham ash
    ask ate age ago aid aim air arm art bad bar bed boy can cap car
    cat cop cow cry cup dad dam day dig dim dip doe dog dot dry due dye egg ego end eye fan far fat fed fee few fig fit
    fix fly fog fox fry fur gap gas gem got guy gym
able back bake bare bark base bath bear beat bell belt bend bill bind bird bite boat body bold bolt bone book
boot bore born boss bowl brad bred bread break bring broad brand call calm came camp card care cart case cash
cast cell chat cheap check chip city clam clean clear click clip clot cloud coal coat cold come cook cool cope
copy cord core cost count court cover crash cream crop cross dairy diary date dead deal dear deep deer desert
dessert desk diet dinner diner drive drop dust earn east easy edge exit face fact fair fall farm fast fast fate
fear feed feel feet file fill film find fine fire firm fish five fits flag flat flew flow fly food foot form
fort four free fuel full game gate gear gift give glad goal goat gold gone good grad grade grow half hall hand
hard hare hate head heal heap hear heat help hero hide hill hire hold hole home hope host hour house huge hurt
idea item jobs join jump keep kept kick kill kind king knee know lack lake land lane late lead leaf lean leap
leave left less life lift like line link list live load loan lock lose loose lost love luck made mail main make
male mall mark mass mate math meal mean meat meet menu mile milk mind mine mint miss mode mood moon more move
name near neck news nice node none noon nose note open oven over pace pack page paid pain pair pale park part
pass past path peak peel pick pill plan plane plain plant play plot plus pole pool poor port pose post pour
price prize quiet quite quit race rain rank rare rate reach real rent rest rice rich ride ring rise risk road
rock role roll roof room root rope rose rule rush safe sail sale salt same sand seal seat seed seek seem seen
self sell sent sets shape share sheet shine ship shoe shop shot show side sign silk sing sink site size skin
sleep slip slow snow soap soft soil sold sole song soon sort soul soup spin spot star start state stay steal
steel steep stem step stir stop store story suit sure swap sweet swim table tail take tale talk tall tank tape
task taste team tear tell tend tent term test text thick thin thing think tide tidy time tiny tire told tone
took tool tops tour town track trade trail train tree trip true tube tune turn type unit used user vary vast
very vote wage wait wake walk wall want ward warm warn wash wave ways weak wear weather whether weed week weight
well went west wide wife wild wind wine wing wire wise wish wood word wore work worm wrap yard zero angel angle
trial causal casual united untied marital martial sacred scared silver sliver calvary cavalry conversation
conservation affect effect accept except adapt adopt adept advice advise devise device lose principal principle
precede proceed stationary stationery complement compliment emigrate immigrate prescribe proscribe perspective
prospective reality realty county country bridge bride friend fiend planet plants beard breads bared dared board
abroad brake through though thought tough trough threw three throw throne then than quit hoping hopping planing
planning dinning staring starring latter later filing filling bitter biter super supper coma comma desert scared
scarred tinny writing written striped stripped taping tapping slopping
""")
)
"""Words that a typo must not make of another, because they mean something else."""

_NEIGHBOURS: Final = {
    "q": "wa",
    "w": "qes",
    "e": "wrd",
    "r": "etf",
    "t": "ryg",
    "y": "tuh",
    "u": "yij",
    "i": "uok",
    "o": "ipl",
    "p": "ol",
    "a": "qsz",
    "s": "awdx",
    "d": "sefc",
    "f": "drgv",
    "g": "fthb",
    "h": "gyjn",
    "j": "hukm",
    "k": "jil",
    "l": "ko",
    "z": "asx",
    "x": "zsc",
    "c": "xdv",
    "v": "cfb",
    "b": "vgn",
    "n": "bhm",
    "m": "nj",
}
"""Keys beside each other on a QWERTY keyboard."""

_PLAIN_WORD = re.compile(r"(?<![\w@#/._:'’$€£%+-])[A-Za-z][a-z]{3,}(?![\w@#/_:'’+-]|\.\w)")


@lru_cache(maxsize=1)
def reserved() -> frozenset[str]:
    """Every word that no typo may make: protected and common ones, and those of the listed values."""
    listed = {
        word
        for kind in kinds().values()
        if isinstance(kind, Listed)
        for value in kind.values
        for spelling in value.spellings
        for word in re.findall(r"[a-z]+", spelling.lower())
    }
    return PROTECTED | COMMON | frozenset(listed)


def _mistyped(word: str, rng: Random) -> str:
    at = rng.randrange(1, len(word))
    way = rng.randrange(4)
    if way == 0 and at + 1 < len(word):
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if way == 1:
        return word[:at] + word[at + 1 :]
    if way == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(_NEIGHBOURS.get(word[at], "e")) + word[at + 1 :]


def _typo(text: str, rng: Random, *, names: bool) -> str:
    found = [
        each
        for each in _PLAIN_WORD.finditer(text)
        if each.group().lower() not in PROTECTED and (names or each.start() == 0 or each.group()[0].islower())
    ]
    if not found:
        return text
    for _ in range(4):
        match = rng.choice(found)
        word = match.group()
        if len(word) < 5 and rng.random() < 0.5:
            continue
        wrong = _mistyped(word, rng)
        lower = wrong.lower()
        # neither a word that means something, nor the same word in another number or tense
        if (
            wrong == word
            or lower in reserved()
            or lower in (f"{word.lower()}s", f"{word.lower()}d")
            or f"{lower}s" == word.lower()
        ):
            continue
        return text[: match.start()] + wrong + text[match.end() :]
    return text


def typo(text: str, rng: Random) -> str:
    """One slip of the finger: two letters swapped, one dropped, doubled, or off by a key. Names stay whole."""
    return _typo(text, rng, names=False)


def typos(text: str, rng: Random) -> str:
    """One or two slips; in a long prompt, two more often."""
    text = typo(text, rng)
    return typo(text, rng) if rng.random() < (0.5 if len(text) > 60 else 0.2) else text


# --- case, punctuation, blanks ---------------------------------------------------------------------------------------

_CODE = re.compile(r"[_`{}<>]|://|\w\(|\b\w+[a-z][A-Z]\w*\(")


def case(text: str, rng: Random) -> str:
    """All in lower case, the first letter raised or lowered, or rarely all in capitals. Code keeps its case."""
    if _CODE.search(text):
        return text
    draw = rng.random()
    if draw < 0.55:
        return text.lower()
    if draw < 0.8:
        first = text.split(" ", 1)[0]
        if first[:1].isupper() and (not first[1:].islower() or first == "I"):
            return text
        return text[:1].swapcase() + text[1:]
    if draw < 0.88:
        return text.title() if re.fullmatch(r"[A-Za-z ?,.]+", text) else text
    return text.upper() if draw < 0.93 else text


def punctuation(text: str, rng: Random) -> str:
    """The mark at the end missing, added, doubled or another; an apostrophe or comma left out."""
    draw = rng.random()
    bare = text.rstrip("?!. ")
    # "3 p.m." and "e.g." end in a dot that is theirs
    if re.search(r"\.\w$", bare) or not bare:
        return text
    if draw < 0.45:
        return bare
    if draw < 0.6:
        return f"{bare}?" if bare != text else f"{bare}."
    if draw < 0.72:
        return bare + rng.choice(("??", "?!", "...", "!", " ?"))
    if draw < 0.86:
        return re.sub(r"(?<=[a-z])['’](?=(?:s|re|ve|ll|m|d)\b)", "", text)
    return re.sub(r",(?= [a-z])", "", text)


def blanks(text: str, rng: Random) -> str:
    """A blank doubled, at the end, or at the start."""
    gaps = [each.start() for each in re.finditer(" ", text)]
    draw = rng.random()
    if draw < 0.7 and gaps:
        at = rng.choice(gaps)
        return f"{text[:at]} {text[at:]}"
    return f"{text} " if draw < 0.9 else f" {text}"


# --- words around the question ---------------------------------------------------------------------------------------

_OPENERS: Final = (
    "Hi, ",
    "Hello, ",
    "Hey, ",
    "hi ",
    "hey ",
    "Hi there, ",
    "hello! ",
    "Good morning, ",
    "Quick question: ",
    "quick question - ",
    "Question: ",
    "Hi! Quick question: ",
    "Sorry, ",
    "sorry if this is obvious: ",
    "Just wondering: ",
    "Small question: ",
    "Please help: ",
    "So, ",
    "ok so ",
    "Okay, ",
    "Um, ",
    "well, ",
    "Maybe a silly question: ",
    "Dear support, ",
    "Hi team, ",
    "one more thing: ",
    "Excuse me, ",
    "Help! ",
    "Hey there! ",
    "I have a question: ",
    "Out of curiosity, ",
    "Good evening. ",
    "Please, ",
    "Pls help, ",
    "urgent: ",
)
_CLOSERS: Final = (
    " Thanks!",
    " thanks",
    " Thanks in advance",
    " thanks in advance!",
    " Thank you.",
    " thank you",
    " please",
    ", please",
    " pls",
    " plz",
    " Thx",
    " thx!",
    " Cheers",
    " Any help is appreciated.",
    " Please help.",
    " Many thanks!",
    " Appreciate it.",
    " Thanks a lot",
    " ty",
    " TIA",
    " I'd be grateful for an answer.",
    " Please let me know.",
    " Please advise.",
    " :)",
)
_ASKED_FIRST: Final = re.compile(r"(?:how|what|which|where|when|why|who)\b(?!'s|’s)", re.I)
_LEADS_TO: Final = (
    "Could you tell me ",
    "Can you tell me ",
    "Please tell me ",
    "I was wondering ",
    "I'd like to know ",
    "Do you know ",
    "I want to know ",
    "tell me ",
    "Would you mind explaining ",
    "Can someone explain ",
    "I need to know ",
    "Could you please explain ",
    "wondering ",
    "can u tell me ",
    "I'm trying to find out ",
)
_HOW_TO = re.compile(r"how (?:do|can|could|should|would) (i|you|we|one) ", re.I)
_WHAT_IS = re.compile(r"(what|who|where) (is|are|was|were) ((?:the|a|an|my|your|our) [\w' -]+)\?$", re.I)
_COMMAND = re.compile(
    r"(?:write|translate|convert|explain|show|give|list|find|create|make|summarize|generate|describe|calculate|help|suggest|recommend|set|compare|draft|plan|build|define|name|count|rewrite|fix|turn|remove|add|change|book|compute|sort)\b",
    re.I,
)
_MODAL_FIRST: Final = (
    "Can you ",
    "Could you ",
    "Please ",
    "please ",
    "Could you please ",
    "Can you please ",
    "I need you to ",
    "I'd like you to ",
    "Would you ",
    "pls ",
    "Kindly ",
)


def _lower_first(text: str) -> str:
    first = text.split(" ", 1)[0]
    if first in ("I", "I'm", "I've", "I'd", "I'll") or (not first[1:].islower() and first != "A"):
        return text
    return text[:1].lower() + text[1:]


def _lower_question(text: str) -> str:
    """In lower case where the first word is one that has a capital only because it is the first."""
    first = re.match(r"[\w']+", text)
    if first and first.group().lower() in _OPENING_WORDS:
        return text[:1].lower() + text[1:]
    return text


_OPENING_WORDS: Final = frozenset(
    listed("""
how what which where when why who whose is are was were do does did can could should would will has have may
must am the a an my please if in on at for to from tell show give write explain list help find what's how's
where's who's there does isn't aren't don't doesn't can't any some
""")
)


def politeness(text: str, rng: Random) -> str:
    """A greeting before, thanks or a please behind, or both."""
    draw = rng.random()
    if draw < 0.5:
        text = rng.choice(_OPENERS) + _lower_question(text)
    if draw >= 0.45:
        closer = rng.choice(_CLOSERS)
        if re.search(r"\bpl(?:ease|s|z)\b", text, re.IGNORECASE) and re.search(
            r"pl(?:ease|s|z)", closer, re.IGNORECASE
        ):
            return text
        if closer[1].isupper() or closer.endswith("!"):
            text = text if text.rstrip().endswith(("?", ".", "!")) else f"{text.rstrip()}{rng.choice(('.', '?', ''))}"
        elif closer.startswith(","):
            text = text.rstrip("?.! ")
        text = text.rstrip() + closer
    return text


def lead(text: str, rng: Random) -> str:
    """The question as the object of another ("could you tell me how to ..."), or a command said politely."""
    if _COMMAND.match(text):
        return rng.choice(_MODAL_FIRST) + _lower_first(text)
    end = rng.choice(("?", "?", ".", ""))
    how = _HOW_TO.match(text)
    if how:
        who = how.group(1).lower().replace("i", "I")
        rest = text[how.end() :]
        asked = re.match(r"how (\w+)", text, re.I)
        verb = asked.group(1).lower() if asked else "do"
        if verb == "do":
            clause = rng.choice((f"how {who} ", f"how {who} can ", "how to ")) + rest
        else:
            clause = f"how {who} {verb} {rest}"
        return rng.choice(_LEADS_TO) + clause.rstrip("?. ") + end
    what = _WHAT_IS.match(text)
    if what and " " not in what.group(3).split(" ", 1)[1].replace("of the", "").strip()[:0]:
        subject = what.group(3)
        if len(subject.split()) <= 9 and not re.search(
            r"\b(?:that|which|who|if|when|because|called|named|like|for|to|doing|going|made|used)\b", subject
        ):
            return f"{rng.choice(_LEADS_TO)}{what.group(1).lower()} {subject} {what.group(2)}{end}"
    return politeness(text, rng)


# --- words said another way ------------------------------------------------------------------------------------------

_SHORTER: Final = tuple(
    (re.compile(rf"\b{long}\b", re.I), short)
    for long, short in (
        ("do not", "don't"),
        ("does not", "doesn't"),
        ("did not", "didn't"),
        ("is not", "isn't"),
        ("are not", "aren't"),
        ("was not", "wasn't"),
        ("were not", "weren't"),
        ("cannot", "can't"),
        ("can not", "can't"),
        ("could not", "couldn't"),
        ("will not", "won't"),
        ("would not", "wouldn't"),
        ("should not", "shouldn't"),
        ("has not", "hasn't"),
        ("have not", "haven't"),
        ("had not", "hadn't"),
        ("must not", "mustn't"),
        ("I am", "I'm"),
        ("I have", "I've"),
        ("I would", "I'd"),
        ("I will", "I'll"),
        ("what is", "what's"),
        ("where is", "where's"),
        ("who is", "who's"),
        ("how is", "how's"),
        ("it is", "it's"),
        ("that is", "that's"),
        ("there is", "there's"),
        ("you are", "you're"),
        ("we are", "we're"),
        ("they are", "they're"),
    )
)
_LONGER: Final = tuple(
    (re.compile(rf"\b{short.replace(chr(39), '[' + chr(39) + '’]')}(?!\w)", re.I), long)
    for short, long in (
        ("don't", "do not"),
        ("doesn't", "does not"),
        ("didn't", "did not"),
        ("isn't", "is not"),
        ("aren't", "are not"),
        ("wasn't", "was not"),
        ("can't", "cannot"),
        ("couldn't", "could not"),
        ("won't", "will not"),
        ("wouldn't", "would not"),
        ("shouldn't", "should not"),
        ("hasn't", "has not"),
        ("haven't", "have not"),
        ("I'm", "I am"),
        ("I've", "I have"),
        ("I'll", "I will"),
        ("what's", "what is"),
        ("where's", "where is"),
        ("it's", "it is"),
        ("you're", "you are"),
        ("they're", "they are"),
        ("we're", "we are"),
        ("there's", "there is"),
    )
)


def _like(model: str, word: str) -> str:
    if word[:2] in ("I'", "I "):
        return word
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def contractions(text: str, rng: Random) -> str:
    """One "do not" as "don't", or the other way round, where grammar has both."""
    found: list[tuple[int, int, str]] = []
    for pattern, short in _SHORTER:
        for match in pattern.finditer(text):
            after = text[match.end() : match.end() + 1]
            # no "what's" at the end ("I know what it is"), no "I've" where "have" is the verb ("I have a dog")
            if not after.startswith(" ") or (
                short == "I've" and not re.match(r" \w+(?:ed|en|ne|d|t)\b", text[match.end() :])
            ):
                continue
            found.append((match.start(), match.end(), short))
    for pattern, long in _LONGER:
        for match in pattern.finditer(text):
            # "don't I", "can't you": a question that the long form would turn around
            if "not" in long and re.match(
                r" (?:i|you|he|she|it|we|they|my|the|this|that|there|a|an|your)\b", text[match.end() :], re.I
            ):
                continue
            if "not" in long and re.match(r"\s*$|(?:why|how come)\s+$", text[: match.start()], re.I):
                continue
            if long == "it is" and re.match(r" (?:been|got)\b", text[match.end() :]):
                continue
            found.append((match.start(), match.end(), long))
    if not found:
        return text
    start, end, other = rng.choice(found)
    return text[:start] + _like(text[start:end], other) + text[end:]


_BRITISH: Final = dict(
    pair.split("/")
    for pair in listed("""
color/colour colors/colours favorite/favourite behavior/behaviour honor/honour labor/labour neighbor/neighbour
neighbors/neighbours flavor/flavour humor/humour rumor/rumour harbor/harbour center/centre theater/theatre
liter/litre liters/litres meter/metre meters/metres kilometer/kilometre kilometers/kilometres fiber/fibre
organize/organise organizing/organising organization/organisation recognize/recognise realize/realise
apologize/apologise summarize/summarise optimize/optimise optimizing/optimising customize/customise
analyze/analyse analyzing/analysing authorize/authorise canceled/cancelled canceling/cancelling
traveling/travelling traveled/travelled traveler/traveller modeling/modelling labeled/labelled catalog/catalogue
dialog/dialogue defense/defence license/licence offense/offence gray/grey jewelry/jewellery pajamas/pyjamas
aluminum/aluminium mom/mum math/maths tire/tyre tires/tyres check-in/check-in anemia/anaemia diarrhea/diarrhoea
pediatric/paediatric estrogen/oestrogen enroll/enrol fulfill/fulfil skillful/skilful program/programme
plow/plough mold/mould sulfur/sulphur curb/kerb cozy/cosy airplane/aeroplane visualize/visualise
minimize/minimise maximize/maximise prioritize/prioritise memorize/memorise specialize/specialise
specialized/specialised organized/organised initialize/initialise serialize/serialise normalize/normalise
tokenize/tokenise synchronize/synchronise
""")
)
_BRITISH.pop("check-in")
# "license" and "program" are words of their own in British English too, "tire" and "curb" verbs; "maths" stands alone
for _word in ("license", "program", "tire", "tires", "curb"):
    _BRITISH.pop(_word)
_OTHER_SPELLING: Final = {**_BRITISH, **{british: american for american, british in _BRITISH.items()}}
_WORDS = re.compile(r"(?<![\w./_@#-])[A-Za-z]+(?![\w/_@(-]|\.\w)")


def spelling(text: str, rng: Random) -> str:
    """British for American spelling, or the other way round, in all the words that have both."""
    del rng
    return _WORDS.sub(
        lambda match: _like(match.group(), _OTHER_SPELLING.get(match.group().lower(), match.group())), text
    )


_SYMBOLS: Final = (
    (re.compile(r" and "), " & "),
    (re.compile(r" & "), " and "),
    (re.compile(r"\bversus\b"), "vs"),
    (re.compile(r"\bvs\.?(?= )"), "versus"),
    (re.compile(r"\byou\b"), "u"),
    (re.compile(r"\bare you\b"), "are u"),
    (re.compile(r"\bplease\b"), "pls"),
    (re.compile(r"\bbecause\b"), "bc"),
    (re.compile(r"\bwithout\b"), "w/o"),
    (re.compile(r"\binformation\b"), "info"),
    (re.compile(r"\bapplication\b"), "app"),
    (re.compile(r"\bwant to\b"), "wanna"),
    (re.compile(r"\bgoing to\b(?= [a-z]+)(?! the| my| a\b)"), "gonna"),
    (re.compile(r"\bpeople\b"), "ppl"),
    (re.compile(r"\bfor example\b"), "e.g."),
    (re.compile(r"\balright\b"), "all right"),
)


def shorthand(text: str, rng: Random) -> str:
    """One word as a sign or in short, or the other way round: and, &, vs, u, pls, w/o, info."""
    found = [(pattern, short) for pattern, short in _SYMBOLS if pattern.search(text)]
    # an application that is no program, and code, keep their words
    if not found or _CODE.search(text):
        return text
    pattern, short = rng.choice(found)
    if short == "app" and not re.search(r"\b(?:mobile|web|phone|android|ios|desktop) application\b", text, re.I):
        return text
    return pattern.sub(short, text, count=1)


CHANGES: Final[tuple[tuple[str, Change, float], ...]] = (
    ("typo", typos, 0.30),
    ("case", case, 0.34),
    ("punctuation", punctuation, 0.34),
    ("blanks", blanks, 0.06),
    ("politeness", politeness, 0.20),
    ("lead", lead, 0.16),
    ("contraction", contractions, 0.35),
    ("spelling", spelling, 0.35),
    ("shorthand", shorthand, 0.12),
)
"""What noise is composed of, with the chance of each."""

_ORDER: Final = {
    name: at
    for at, name in enumerate(
        ("spelling", "contraction", "shorthand", "lead", "punctuation", "politeness", "case", "typo", "blanks")
    )
}
_IN_ORDER: Final = tuple(sorted(CHANGES, key=lambda each: _ORDER[each[0]]))


def noisy_as(text: str, rng: Random) -> tuple[str, str]:
    """The text with noise, and the name of the last change that took; the text itself and "" where none did."""
    for _ in range(6):
        changed, done = text, [""]
        for each, change, chance in _IN_ORDER:
            if rng.random() >= chance or (each == "politeness" and "lead" in done):
                continue
            after = change(changed, rng)
            if after != changed:
                changed = after
                done.append(each)
        if changed != text:
            return changed, done[-1]
    return text, ""


def noisy(text: str, rng: Random) -> str:
    """The text as somebody else would have typed it: another surface, the same question."""
    return noisy_as(text, rng)[0]
