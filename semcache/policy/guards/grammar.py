"""Words of English grammar, of which the rules are made: articles, auxiliaries, pronouns, directed prepositions.

They are no vocabulary, which grows with what people ask about and stands in tables that an operator can replace. These
classes are closed: a rule that looks for the verb behind `do I` is a rule of this language, whatever the tables say.
What one rule alone makes of such words stays with that rule.
"""

from __future__ import annotations

from typing import Final

ARTICLES: Final = frozenset({"a", "an", "the"})
OWN: Final = frozenset({"my", "our"})
"""The asker's."""
POSSESSIVES: Final = OWN | {"his", "her", "their"}
"""Of those whose things a prompt may be about: not of the one who answers, nor of a thing."""
DETERMINERS: Final = ARTICLES | POSSESSIVES | {"this", "that", "these", "those", "your", "its"}

ASKER: Final = frozenset({"i", "we"})
ANOTHER: Final = frozenset({"he", "she", "they"})
SOMEBODY: Final = ASKER | ANOTHER
PERSONS: Final = SOMEBODY | {"you", "it"}
NOMINATIVE: Final = {"me": "i", "us": "we", "him": "he", "them": "they"}
OTHERS: Final = frozenset({"someone", "somebody", "anyone", "anybody", "people", "others"})
WHO: Final = frozenset({"what", "which", "who", "whom"})
"""What stands in the place of a subject or an object that is asked for."""

PRESENT: Final = frozenset({"is", "are", "am"})
BE: Final = frozenset({"is", "are", "was", "were"})
"""Without `am`, which only the asker is."""
BEING: Final = BE | {"am", "be", "been", "being"}
GET: Final = frozenset({"get", "gets", "got"})
DO: Final = frozenset({"do", "does", "did"})
HAVE: Final = frozenset({"has", "have", "had"})
MODALS: Final = frozenset({"can", "could", "shall", "should", "will", "would", "may", "might", "must"})
AUXILIARIES: Final = BE | {"am"} | DO | HAVE | MODALS
"""What a question that yes or no answers begins with."""
NUMBERED: Final = {
    **dict.fromkeys(("is", "are", "am", "was", "were"), "be"),
    **dict.fromkeys(("do", "does", "did"), "do"),
    **dict.fromkeys(("has", "have"), "have"),
}
"""Auxiliaries that number or tense alone tells apart, to the verb."""

TO: Final = frozenset({"to", "into", "onto", "towards", "toward"})
DIRECTED: Final = TO | {"from", "than", "before", "after", "minus"}
"""What tells the operand before it from the one behind."""
