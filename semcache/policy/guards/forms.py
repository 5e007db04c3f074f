"""Forms of English words: stems for comparing, inflections for lexicons, and what may be a slip of the keyboard."""

from __future__ import annotations

from functools import lru_cache

_VOWELS = frozenset("aeiou")


@lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """A lower-case word without its usual endings: the same for most forms of a word, and no word itself."""
    if len(word) < 4 or not word.isascii():
        return word
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    for ending in ("ing", "ed", "er", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
                word = word[:-1]
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    if word.endswith("i") and len(word) > 3:
        return word[:-1] + "y"
    return word


def inflected(verb: str) -> tuple[str, ...]:
    """A regular verb with its forms; an irregular one's own forms are not among them."""
    if len(verb) < 3 or not verb.isalpha():
        return (verb,)
    if verb.endswith("e"):
        return (verb, verb + "s", verb + "d", verb[:-1] + "ing")
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return (verb, verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing")
    doubled = verb + verb[-1] if _doubles(verb) else verb
    third = verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh")) else "s")
    return tuple(dict.fromkeys((verb, third, verb + "ed", verb + "ing", doubled + "ed", doubled + "ing")))


def _doubles(verb: str) -> bool:
    last = verb[-1]
    return last not in _VOWELS and last not in "wxyh" and verb[-2] in _VOWELS and verb[-3] not in _VOWELS


def near(a: str, b: str) -> bool:
    """Whether one word may be a slip of the other: one letter more, less or other, two neighbours swapped.

    In a long word two letters. Never the first letter, where opposites differ (increase, decrease), nor between words
    with digits or of under four letters.
    """
    size_a, size_b = len(a), len(b)
    shorter = min(size_a, size_b)
    if shorter < 4 or abs(size_a - size_b) > 2 or not (a.isalpha() and b.isalpha()):
        return False
    if a[0] != b[0]:
        return False
    head = 1
    while head < shorter and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < shorter - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    rest_a, rest_b = a[head : size_a - tail], b[head : size_b - tail]
    if len(rest_a) <= 1 and len(rest_b) <= 1:
        return True
    if len(rest_a) == len(rest_b) == 2 and rest_a == rest_b[::-1]:
        return True
    return shorter >= 8 and len(rest_a) <= 2 and len(rest_b) <= 2
