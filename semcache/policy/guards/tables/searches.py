"""What is searched for, and what narrows a search: flights that are cheapest, nonstop, in the morning."""

from __future__ import annotations

from typing import Final

SEARCHED: Final[dict[str, str]] = {
    "travel": (
        "flight flights fly flying airfare airfares airline airlines airways train trains bus buses ferry ferries "
        "ticket tickets fare fares"
    ),
    "stay": "hotel hotels motel motels hostel hostels",
}
"""Kind of what is searched for to its words. Elsewhere a restriction may be of no account (`the easiest way to`)."""

_AIRLINES: Final = (
    "air canada", "air france", "alaska", "american", "british", "canadian", "continental", "delta", "easyjet",
    "emirates", "jetblue", "klm", "lufthansa", "northwest", "qantas", "ryanair", "southwest", "twa", "united", "us air",
)  # fmt: skip
"""Words that are other names, too, elsewhere than before what flies."""

RESTRICTIONS: Final[dict[str, str]] = {
    "round trip": "round trip, round trips, roundtrip, roundtrips, and back",
    "one way": "one way",
    "nonstop": (
        "nonstop, non stop, no stops, without stops, without stopping, without a stop, direct flight, direct flights, "
        "direct train, direct trains, direct bus, direct buses"
    ),
    "first class": "first class",
    "business class": "business class",
    "economy": "economy, coach class, coach fare, coach fares, coach flight, coach flights, thrift",
    "cheapest": "cheapest, lowest, least expensive",
    "dearest": "most expensive, highest fare, highest fares, highest price, highest prices",
    "earliest": "earliest, first flight, first flights, first train, first trains, first bus, first ferry",
    "latest": "latest, last flight, last flights, last train, last trains, last bus, last ferry",
    "morning": "morning, mornings",
    "noon": "noon, midday",
    "afternoon": "afternoon, afternoons",
    "evening": "evening, evenings, night, nights",
    "daily": "daily, every day",
    "weekly": "weekly, every week",
    "meal": "meal, meals",
    "breakfast": "breakfast",
    "lunch": "lunch",
    "dinner": "dinner, supper",
    "airline": (
        "what airline, what airlines, which airline, which airlines, the airlines, all airlines, any airline, "
        "any airlines, me airlines, list airlines, what airway, what airways, which airway, which airways, all airways"
    ),
    **{line: f"{line} airlines, {line} airways, {line} flight, {line} flights" for line in _AIRLINES},
    "price": "fare, fares, airfare, airfares, price, prices, cost, costs, fees, how much, expensive",
}
"""Restriction, or the attribute that is asked for, to its phrases between commas. One that only one of two searches
has makes them two. `first` alone is many things (`first names`)."""

RESTATED: Final[dict[str, str]] = {
    "price": "pay pays paying paid surcharge surcharges charge charges fee fine penalty cheap cheapest lowest",
    "cheapest": "cheap least low lower best less",
    "dearest": "dear expensive most",
    "earliest": "early morning first opening before soon soonest",
    "latest": "late last until till after",
    "morning": "early earliest first",
    "evening": "tonight overnight late latest last",
    "round trip": "return returning returns back",
    "one way": "single return outbound",
    "nonstop": "changing straight",
    "meal": "buffet board food",
    "breakfast": "board buffet",
    "lunch": "board",
    "dinner": "board",
}
"""Restriction to words by which it may be told too: the first train, the one that leaves before all others."""
