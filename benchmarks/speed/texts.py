"""Prompts that are made, not collected, and small things that the speed benchmarks share."""

from __future__ import annotations

import random
import socket
from typing import Final

_ASKS: Final = (
    "How do I",
    "Why should one",
    "When is it wise to",
    "What does it cost to",
    "Who is allowed to",
    "Explain how to",
    "Is it legal to",
    "Write a poem about someone who tries to",
    "List three ways to",
    "Summarise the history of how people",
)
_VERBS: Final = (
    "repair",
    "paint",
    "sell",
    "borrow",
    "translate",
    "measure",
    "freeze",
    "insure",
    "photograph",
    "catalogue",
    "ferment",
    "restore",
    "encrypt",
    "transport",
    "compare",
    "inherit",
    "deliver",
    "weigh",
    "plant",
    "auction",
)
_THINGS: Final = (
    "a violin",
    "an orchard",
    "a spreadsheet",
    "a lighthouse",
    "old coins",
    "a sourdough",
    "a satellite",
    "a tax return",
    "a wool coat",
    "a bicycle chain",
    "a mortgage",
    "a beehive",
    "sheet music",
    "a passport",
    "a glacier",
    "a chess set",
    "a diesel engine",
    "a sonnet",
    "a solar panel",
    "a fishing net",
    "a vaccine",
    "a crossword",
    "a telescope",
    "olive oil",
)
_PLACES: Final = (
    "in Norway",
    "at night",
    "without tools",
    "for a school",
    "by train",
    "in winter",
    "on a small budget",
    "at sea",
    "before a wedding",
    "with children",
    "in the desert",
    "after a flood",
    "for the first time",
    "in secret",
    "by law",
)


_OPENINGS: Final = (
    "Tell me,", "Please tell me:", "I would like to know:", "Quick question:", "Can you say", "Could you explain:",
    "Do you know", "Let me ask:", "Hello,", "Hi there,", "One more thing:", "A question:", "So,", "Well,", "Sorry,",
    "Please,", "Kindly say:", "I wonder:", "Excuse me,", "Say,",
)  # fmt: skip
_CLOSINGS: Final = (
    "", ", please", ", thanks", ", thank you", ", if you can", ", thanks a lot", ", much appreciated",
    ", thanks in advance", ", if you please", ", if you know", ", kindly", ", in your words", ", again",
    ", do you know", ", could you tell me", ", help me", ", would you say", ", many thanks", ", if I may ask",
    ", thank you very much",
)  # fmt: skip


def text(number: int) -> str:
    """A prompt of its own for each number, about something else than its neighbours."""
    draw = random.Random(number)
    asks, verb, thing, place = (draw.choice(words) for words in (_ASKS, _VERBS, _THINGS, _PLACES))
    return f"{asks} {verb} {thing} {place}, as they do in {_name(number)}?"


def reworded(prompt: str, number: int) -> str:
    """The prompt in other words that ask the same; 400 ways, by number."""
    number, opening = divmod(number, len(_OPENINGS))
    closing = _CLOSINGS[number % len(_CLOSINGS)]
    return f"{_OPENINGS[opening]} {prompt[0].lower()}{prompt[1:].rstrip('?')}{closing}?"


WORDINGS: Final = 400
"""How many ways `reworded` knows."""


def _name(number: int) -> str:
    """A made place name for each number: its digits in base 95, each a syllable."""
    syllables: list[str] = []
    while number or not syllables:
        number, digit = divmod(number, 95)
        syllables.append("bkrtmlsvdpgnfzqcxwj"[digit // 5] + "aeiou"[digit % 5])
    return "".join(syllables).capitalize()


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
