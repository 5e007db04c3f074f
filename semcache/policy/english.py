"""Normalisation steps for English: case, contractions, and the optional punctuation, stop words and stems.

Each is a pure function from text to text and changes only words that stand between blanks and are letters alone, an
apostrophe or closing marks aside. `is_english` says where they may run at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from semcache.policy import homographs, slices

REVISION: Final = f"{homographs.REVISION}"

_ENGLISH_ALTERNATIVES = (
    "the|is|are|was|were|what|how|why|who|when|where|which|do|does|did|of|to|for|and|with|can|could|should|would|"
    "my|your|you|it|this|that|there|from|by|about|if|not|than|between|"
    "what's|i'm|don't|doesn't|can't|please|tell|give|explain|write|show|find|list|create"
)
_FOREIGN_ALTERNATIVES = (
    "und|ist|nicht|der|das|eine|einen|einem|wie|ich|mit|auf|auch|sind|wir|für|kann|werden|sie|wird|"
    "les|une|pour|dans|avec|est|quel|quelle|comment|pourquoi|vous|nous|sont|"
    "por|para|una|cómo|qué|cuál|como|pero|los|las|onde|quem|não|são|uma|"
    "che|sono|perché|gli|della|come|"
    "een|het|voor|niet|zijn|hoe|wat|jest|się|nie|jak|czy|gdzie|och|att|inte|för|hvad|hvordan|ikke|ein|wer|wo"
)
_ENGLISH = re.compile(rf"\b(?:{_ENGLISH_ALTERNATIVES})\b", re.IGNORECASE)
_FOREIGN = re.compile(rf"\b(?:{_FOREIGN_ALTERNATIVES})\b")
ENGLISH_WORDS: Final = frozenset(word for word in _ENGLISH_ALTERNATIVES.split("|") if "'" not in word)
FOREIGN_WORDS: Final = frozenset(_FOREIGN_ALTERNATIVES.split("|"))
_APART: Final = "".join(chr(code) if chr(code).isalnum() or chr(code) == "_" else " " for code in range(128))
"""ASCII with a blank for all that stands between words."""
_ACCENTED = re.compile(r"[^\W\d_a-zA-Z]")
_MOST_ACCENTED: Final = 2
"""Letters beyond a-z that an English prompt may have, in a name."""


def is_english(text: str) -> bool:
    """Whether the text has an English function word and none that is another language's alone."""
    if text.isascii() and len(text) <= slices.SLICE:
        return _is_english_ascii(text)
    if not slices.found(_ENGLISH, text) or slices.found(_FOREIGN, text):
        return False
    return text.isascii() or len(_ACCENTED.findall(text)) <= _MOST_ACCENTED


def _is_english_ascii(text: str) -> bool:
    """The same by sets of words: less time than the searches, and far less of the processor's caches."""
    words = text.translate(_APART).split()
    if not FOREIGN_WORDS.isdisjoint(words):
        return False
    if not ENGLISH_WORDS.isdisjoint(words) or not ENGLISH_WORDS.isdisjoint(text.lower().translate(_APART).split()):
        return True
    return "'" in text and _ENGLISH.search(text) is not None  # `don't` is two words here


# --- case ----------------------------------------------------------------------------------------------------

_TITLE = re.compile(r"(?<!\S)[A-Z][a-z]+(?=(?:'[a-z]{1,2})?[,;:.!?)]*(?!\S))")
_LONGEST_SYMBOL: Final = 3
_ARTICLE = re.compile(r"(?:\A|(?<=[.!?]\s)|(?<=\n))A(?=[ ][a-z])")
_I_BEFORE = re.compile(
    r"(?<!\S)I(?=\s(?:am|have|had|was|will|can|could|should|would|want|wanted|need|do|don't|did|get|got|use|make|know|"
    r"think|like|feel|love|must|might|may|try|tried|just|also|really|always|never|cannot|can't|live|work|say|see|go|"
    r"take|find|buy|learn|start|become|improve|stop|keep|tell|give|put|look|apply|join|lose|gain|earn)(?![\w'-]))"
    r"|(?<!\S)I(?='(?:m|ve|ll|d)[,;:.!?)]*(?!\S))"
)
_I_AFTER = re.compile(
    r"((?<!\S)(?:do|does|did|can|could|should|would|will|am|have|had|must|may|if|when|that|how|because|what|where|why|"
    r"which|while|before|after|until|since|shall|don't|didn't|can't|couldn't|shouldn't|won't|cannot|not)\s)I"
    r"(?=[,;:.!?)]*(?!\S))"
)


def fold_case(text: str) -> str:
    """Title-case words in lower case, unless they are homographs; A and I where they are article and pronoun."""
    if text.islower():
        return text
    if text[1:].islower():  # the only capital is the first character, as in most questions: no search for others
        first = _TITLE.match(text)
        text = text if first is None else _fold(first) + text[first.end() :]
    else:
        text = _TITLE.sub(_fold, text)
    if "I" in text:
        text = _I_AFTER.sub(r"\1i", _I_BEFORE.sub("i", text))
    return _ARTICLE.sub("a", text) if "A " in text else text


def _fold(found: re.Match[str]) -> str:
    word = found[0]
    if word in homographs.HOMOGRAPHS and not found.string.startswith("n't", found.end() - 1):  # Don, but not Don't
        return word
    if word in homographs.TITLES_INSIDE and not _starts_sentence(found.string, found.start()):
        return word
    if len(word) <= _LONGEST_SYMBOL and _may_be_symbol(word, found.string, found.start()):
        return word
    return word.lower()


def _may_be_symbol(word: str, text: str, at: int) -> bool:
    """Whether a short title-case word may be a unit's or an element's: 5 Mg is no 5 mg, 9 Cal no 9 cal, He not he."""
    if at > 1 and text[at - 2].isdigit():
        return True
    if len(word) != 2:
        return False
    no_word = word[0] not in "AEIOU" and word[1] not in "aeiouy"  # Mg, Hz, Kb: no English word, wherever it stands
    return no_word or not _starts_sentence(text, at)


def _starts_sentence(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] == "\n" or (at > 1 and text[at - 2] in ".!?:")


# --- contractions --------------------------------------------------------------------------------------------

_NOT = {
    "don't": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "isn't": "is not",
    "aren't": "are not",
    "wasn't": "was not",
    "weren't": "were not",
    "haven't": "have not",
    "hasn't": "has not",
    "hadn't": "had not",
    "won't": "will not",
    "wouldn't": "would not",
    "can't": "cannot",
    "couldn't": "could not",
    "shouldn't": "should not",
    "mustn't": "must not",
    "needn't": "need not",
    "shan't": "shall not",
}
_OTHERS = {"i'm": "i am"} | {
    f"{word}'{short}": f"{word} {full}"
    for short, full, words in (
        ("re", "are", "you we they who what where how why these those"),
        ("ve", "have", "i you we they should could would must might"),
        ("ll", "will", "i you he she it we they that there what who"),
    )
    for word in words.split()
}
_IS = {
    f"{word}'s": f"{word} is" for word in ("what", "where", "how", "when", "why", "who", "that", "there", "here", "it")
}
_CONTRACTIONS = _NOT | _OTHERS | _IS
_APOSTROPHE = re.compile(
    r"(?<!\S)(" + "|".join(sorted(_CONTRACTIONS, key=len, reverse=True)) + r")(?=[,;:.!?)]*(?!\S))(?=(\s+[a-z]+)?)"
)
_PARTICIPLE = re.compile(
    r"\s+(?:\w+ed|\w+en|been|got|gone|done|had|made|become|taken|come|left|lost|won|said|put|set|become|run|begun|"
    r"always|never|already|just|ever|since|recently|long)\Z"
)


def expand_contractions(text: str) -> str:
    """Contractions that stand for one thing only, written out. `he's`, `'d`, `let's` and `ain't` stay as they are."""
    return _APOSTROPHE.sub(_expand, text) if "'" in text else text


def _expand(found: re.Match[str]) -> str:
    word = found[1]
    if word in _IS and found[2] and _PARTICIPLE.match(found[2]):  # it's been: has, not is
        return word
    return _CONTRACTIONS[word]


# --- off by default ------------------------------------------------------------------------------------------

_BETWEEN = re.compile(r"(?<=[^\W\d_]{2})[,;:.!](?=\s+[^\W_])|(?<=[^\W_] )-{1,3} (?=[^\W_])")


def drop_punctuation(text: str) -> str:
    """A mark between two words, and dashes between blanks, dropped; question marks and abbreviations keep theirs."""
    return _BETWEEN.sub("", text)


_STOP: Final = frozenset({"the", "an", "a", "please", "kindly"})
_BLANK = re.compile(r"(\s+)")
_LOWER_WORD = re.compile(r"[a-z]{2}")
_LETTERED_WORDS = (
    "hepatitis vitamin type class grade group plan option section part level blood point team series category phase "
    "answer choice exhibit appendix form schedule question note key column row item vitamins influenza"
)
_LETTERED = frozenset(_LETTERED_WORDS.split())


def drop_stop_words(text: str) -> str:
    """Lower-case articles and `please` before a word, dropped; not the letter of "vitamin a"."""
    pieces = _BLANK.split(text)  # word, blank, word, blank, ..., word
    kept: list[str] = []
    following = ""
    for at in range(len(pieces) - 1, -1, -2):
        word = pieces[at]
        before = pieces[at - 2] if at else ""
        if word in _STOP and before not in _LETTERED and _LOWER_WORD.match(following):
            continue
        if at + 1 < len(pieces) and kept:
            kept.append(pieces[at + 1])
        kept.append(word)
        following = word
    return "".join(reversed(kept))


_PLAIN_WORD = re.compile(r"(?<!\S)[a-z]{4,}(?=[,;:.!?)]*(?!\S))")
_NO_STEM_WORDS = (
    "news physics politics mathematics economics windows teams jobs glasses customs arms goods means savings series "
    "species pants odds looks this does has was his less unless always perhaps across thus plus versus during nothing "
    "something anything everything thing king morning evening string spring according being ceiling boss states "
    "gates apples woods parks hills mills wells kings queens lords rivers fields banks"
)
_NO_STEM = frozenset(_NO_STEM_WORDS.split())


def stem(text: str) -> str:
    """Plural endings off lower-case English words (Snowball), where the stem is a head of the word.

    Other endings stay, for they ask for something else: a bearing is no bear, and who is bored not boring.
    """
    stemmer = _stemmer()
    return _PLAIN_WORD.sub(lambda found: _stem(found[0], stemmer), text)


def _stem(word: str, stemmer: Callable[[str], str]) -> str:
    if word in _NO_STEM or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    short = stemmer(word)
    if short == word or len(short) < 4 or not word.startswith(short) or len(word) - len(short) > 3:
        return word
    return _stem(short, stemmer)  # until nothing comes off: a normal form has itself as its normal form


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    import snowballstemmer  # only where the step is on

    stem_word: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem_word
