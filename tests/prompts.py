"""Prompts made for tests: many, all about different things, each with a rewording that means the same."""

from __future__ import annotations

import random

_VERBS = {
    "bake": "bread", "repair": "bicycle chains", "train": "falcons", "paint": "fences", "prune": "apple trees",
    "tune": "pianos", "brew": "ginger beer", "carve": "wooden spoons", "sharpen": "kitchen knives", "raise": "bees",
    "knit": "mittens", "weld": "aluminium", "polish": "telescope mirrors", "fold": "paper cranes", "press": "cider",
    "tile": "bathrooms", "sail": "dinghies", "grow": "saffron", "cure": "olives", "forge": "hinges",
}  # fmt: skip
_PLACES = (
    "in Iceland", "on a farm in Kenya", "in a small kitchen", "during monsoon season", "at high altitude",
    "on a submarine", "in a school workshop", "next to the Danube", "in the Sahara", "without electricity",
    "for a wedding of two hundred guests", "as a left-handed beginner", "on a tight budget", "with two children",
    "inside a museum", "after a flood", "in medieval style", "for a television show", "before sunrise", "by the sea",
)  # fmt: skip
_GOALS = (
    "to win a regional contest", "so that it lasts ten years", "and sell the result online", "to impress a botanist",
    "while keeping the noise down", "and document every step on film", "using only recycled material",
    "with the help of a robot arm", "and explain it to a physicist", "to raise money for a library",
)  # fmt: skip


def prompt(number: int) -> str:
    """One of 4,000 prompts, by number."""
    verb, thing = list(_VERBS.items())[number % 20]
    place = _PLACES[(number // 20) % 20]
    goal = _GOALS[(number // 400) % 10]
    return f"How would somebody {verb} {thing} {place} {goal}?"


def reworded(number: int) -> str:
    """The same request in other words; never the same normalised spelling."""
    verb, thing = list(_VERBS.items())[number % 20]
    place = _PLACES[(number // 20) % 20]
    goal = _GOALS[(number // 400) % 10]
    return f"How would someone {verb} {thing} {place} {goal}, please?"


def numbers(seed: int, count: int) -> list[int]:
    """`count` different prompt numbers in random order."""
    return random.Random(seed).sample(range(4000), count)
