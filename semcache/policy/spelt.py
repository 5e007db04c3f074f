"""One spelling for what people write in several: numbers, times, dates, shares, units, usual abbreviations, British
words. Pure.

Only what is the same whatever stands around it. `apr` (a month, a rate), `ml`, `us` are left
alone. English; other languages keep their digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_LOW: Final = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_UNITS: Final = {word: value for value, word in enumerate(_LOW.split())}
_HIGH: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS: Final = {word: 10 * value for value, word in enumerate(_HIGH.split(), 2)}
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_NTH: Final = """third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth twentieth"""
_ORDINALS: Final = {word: value for value, word in enumerate(_NTH.split(), 3)}
"""`first` and `second` are more than numbers: "first aid", "a second"."""
_YEAR: Final = "january february march april may june july august september october november december"
_MONTHS: Final = tuple(_YEAR.split())
_TABLE: Final = """
jan january, feb february, jun june, jul july, aug august, sep september, sept september, oct october, nov november,
dec december, mon monday, tue tuesday, tues tuesday, thu thursday, thur thursday, thurs thursday, fri friday,
percent %, pct %, usd dollars, dollar dollars, bucks dollars, eur euros, euro euros, gbp pounds sterling,
kilogram kg, kilograms kg, kilo kg, kilos kg, kilometre km, kilometres km, kilometer km, kilometers km,
gigabyte gb, gigabytes gb, megabyte mb, megabytes mb, terabyte tb, terabytes tb, ft feet,
hr hour, hrs hours, mins minutes, secs seconds, wk week, yrs years,
usa united states, uk united kingdom, uae united arab emirates, nyc new york city, hq headquarters,
gdp gross domestic product, bmi body mass index, mri magnetic resonance imaging, dna deoxyribonucleic acid,
cpu central processing unit, eta estimated time of arrival, vat value added tax, faq frequently asked questions,
js javascript, postgres postgresql, k8s kubernetes, db database, repo repository,
app application, apps applications, bldg building, appt appointment, approx approximately, dr doctor, info information,
u you, ur your, ppl people, bc because, cuz because, pw password, pic picture, pics pictures, photo picture,
photos pictures, resched reschedule, acct account, govt government, dept department, tmrw tomorrow, msg message,
msgs messages, avail available, 2fa 2 factor authentication, thru through,
lb pounds, lbs pounds, oz ounces, ounce ounces, centimeter cm, centimeters cm, centimetre cm, centimetres cm,
millimeter mm, millimeters mm, millimetre mm, millimetres mm, gram grams, mph miles per hour,
programme program, programmes programs, wwi world war 1, ww1 world war 1, wwii world war 2, ww2 world war 2
"""
_AMERICAN: Final = """
behaviour behavior, colour color, favour favor, favourite favorite, flavour flavor, harbour harbor, honour honor,
humour humor, labour labor, neighbour neighbor, neighbourhood neighborhood, rumour rumor, vapour vapor,
analyse analyze, apologise apologize, categorise categorize, customise customize, emphasise emphasize,
familiarise familiarize, finalise finalize, generalise generalize, initialise initialize, maximise maximize,
memorise memorize, minimise minimize, normalise normalize, optimise optimize, organise organize,
paralyse paralyze, personalise personalize, prioritise prioritize, randomise randomize, realise realize,
recognise recognize, serialise serialize, socialise socialize, specialise specialize, standardise standardize,
summarise summarize, symbolise symbolize, synchronise synchronize, utilise utilize, visualise visualize,
catalogue catalog, centre center, cheque check, defence defense, dialogue dialog, fibre fiber, fulfil fulfill,
grey gray, jewellery jewelry, kerb curb, licence license, litre liter, manoeuvre maneuver, metre meter,
mould mold, moustache mustache, offence offense, plough plow, practise practice, pyjamas pajamas, sceptical skeptical,
theatre theater, tyre tire, aluminium aluminum, anaemia anemia, diarrhoea diarrhea, oestrogen estrogen,
foetus fetus, haemorrhage hemorrhage, leukaemia leukemia, paediatric pediatric, paediatrician pediatrician,
aeroplane airplane, cancelled canceled, cancelling canceling, travelled traveled, travelling traveling,
traveller traveler, labelled labeled, labelling labeling, modelling modeling, counselling counseling,
cosy cozy, enrol enroll, skilful skillful, whisky whiskey, yoghurt yogurt
"""
"""British spellings, and American ones; each with its plural or past, where that is regular."""


def _pairs(table: str) -> dict[str, str]:
    return {short: whole for short, _, whole in (pair.strip().partition(" ") for pair in table.split(","))}


def _inflected(pairs: dict[str, str]) -> dict[str, str]:
    forms = {short + end: whole + end for short, whole in pairs.items() for end in ("", "s", "ed")}
    past = {f"{one}d": f"{whole}{'d' if whole[-1] == 'e' else 'ed'}" for one, whole in pairs.items() if one[-1] == "e"}
    return forms | past


_SHORT: Final = _inflected(_pairs(_AMERICAN)) | _pairs(_TABLE)
_NUMBER: Final = re.compile(
    r"\b(?:{0})(?:[ -](?:and )?(?:{0}))*\b".format("|".join((*_UNITS, *_TENS, *_SCALES)))  # longest run of number words
)
_NUMERALS: Final = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_ROMAN: Final = {numeral: value for value, numeral in enumerate(_NUMERALS.split(), 1) if len(numeral) > 1}
"""A single letter is too many other things."""
_DIGIT: Final = "0"
"""In place of what a text must hold: any digit."""
_A_DIGIT: Final = re.compile(r"\d")
_Rule = tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]]


def one_spelling(text: str) -> str:
    """`text`, which is lower-case, with each of these in one spelling; equal texts stay equal."""
    for needed, pattern, written in _RULES:
        if needed in text or (needed == _DIGIT and _A_DIGIT.search(text)):
            text = pattern.sub(written, text)
    return text


def _of_words(match: re.Match[str]) -> str:
    """`one hundred and twenty thousand` -> `120000`; words that are no number together stay."""
    total = part = 0
    least_scale = 0
    last = 0
    for word in re.split(r"[ -]+", match.group().replace(" and ", " ")):
        if word in _SCALES:
            scale = _SCALES[word]
            if scale == 100:
                part = (part or 1) * 100
            elif least_scale and scale >= least_scale:
                return match.group()
            else:
                total += (part or 1) * scale
                part, least_scale = 0, scale
            last = scale
            continue
        value = _UNITS.get(word, _TENS.get(word, 0))
        if last and (last < 20 or value >= 20 or (last < 100 and value == 0)) and last not in _SCALES.values():
            return match.group()  # "two three", "twenty thirty"
        part += value
        last = value or 1
    return str(total + part)


def _of_clock(match: re.Match[str]) -> str:
    """`7 pm` -> `19:00`."""
    hour, minute, half = int(match[1]), match[2] or "00", match[3]
    if not 1 <= hour <= 12 or int(minute) > 59:
        return match.group()
    return f"{hour % 12 + (12 if half == 'p' else 0)}:{minute}"


def _of_year(match: re.Match[str]) -> str:
    """`'98` -> `1998`."""
    return f"{19 if int(match[1]) > 40 else 20}{match[1]}"


def _of_weeks(match: re.Match[str]) -> str:
    return f"{7 * int(match[1])} days"


def _of_temperature(match: re.Match[str]) -> str:
    return f"{match[1]} {'fahrenheit' if match[2] == 'f' else 'celsius'}"


def _of_roman(match: re.Match[str]) -> str:
    return f"{match[1]} {_ROMAN[match[2]]}"


def _of_ordinal(match: re.Match[str]) -> str:
    value = _ORDINALS[match.group()]
    return "3rd" if value == 3 else f"{value}th"


def _day_first(match: re.Match[str]) -> str:
    return f"{match[2]} {int(match[1])}"


def _plain_day(match: re.Match[str]) -> str:
    return f"{match[1]} {int(match[2])}"


_MONTH: Final = "|".join(_MONTHS)
_NUMBERED: Final = re.compile(
    r"\b(war|part|chapter|act|volume|book|phase|type|class|level|grade|stage|sonnet|episode|season|title|section|"
    rf"article|symphony|henry|louis|george|edward|richard|charles|bowl) ({'|'.join(_ROMAN)})\b"
)
_RULES: Final[tuple[_Rule, ...]] = (
    ("_", re.compile(r"(?<=\d)_(?=\d)"), ""),
    ("w/", re.compile(r"\bw/o\b"), "without"),
    ("w/", re.compile(r"\bw/(?=\s)"), "with"),
    ("-", re.compile(r"(?<=[a-z])-(?=[a-z])"), " "),
    ("dr.", re.compile(r"\bdr\.(?=\s)"), "dr"),
    ("'", re.compile(r"(?<![\w'])'(\d\d)\b(?!')"), _of_year),
    ("per cent", re.compile(r"\bper cent\b"), "percent"),
    ("u.s.", re.compile(r"\bu\.s\.(?:a\.?)?(?=\W|$)"), "usa"),
    (_DIGIT, re.compile(r"\b(\d{1,2})(?::(\d\d))? ?([ap])\.?m\b\.?"), _of_clock),
    ("$", re.compile(r"[$](\d[\d.,]*\d|\d)"), r"\1 dollars"),
    ("€", re.compile(r"[€](\d[\d.,]*\d|\d)"), r"\1 euros"),
    ("£", re.compile(r"[£](\d[\d.,]*\d|\d)"), r"\1 pounds sterling"),
    (".00", re.compile(r"(?<=\d)\.00\b"), ""),
    (_DIGIT, re.compile(r"\b(\d+)k\b"), r"\g<1>000"),
    ("", _NUMBER, _of_words),
    ("", re.compile(rf"\b(?:{'|'.join(_ORDINALS)})\b"), _of_ordinal),
    ("week", re.compile(r"\b(\d+) weeks?\b"), _of_weeks),
    ("half an hour", re.compile(r"\bhalf an hour\b"), "30 minutes"),
    (_DIGIT, re.compile(r"\b(\d+) ?(?:°|degrees? |deg )? ?([fc])(?:ahrenheit|elsius)?\b"), _of_temperature),
    ("world war i", re.compile(r"\bworld war i\b"), "world war 1"),
    ("i", _NUMBERED, _of_roman),
    (_DIGIT, re.compile(r"(?<=\d)(?=(?:kg|km|gb|mb|tb|ft|hrs|mins|%)(?:\b|(?<=%)))"), " "),
    ("", re.compile(r"\b[a-z0-9]+\b"), lambda match: _SHORT.get(match.group(), match.group())),
    (_DIGIT, re.compile(rf"\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b"), _day_first),
    (_DIGIT, re.compile(rf"\b({_MONTH}) (\d{{1,2}})(?:st|nd|rd|th)?\b"), _plain_day),
    (_DIGIT, re.compile(r"\b(?:no|nr)\. ?(?=\d)|#(?=\d)"), "number "),
)
"""What a text must hold for a rule to find anything, the rule, and what is written instead."""
