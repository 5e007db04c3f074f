"""Whether an answer that its provider calls complete is a refusal in prose.

The rule. A refusal is short (at most `LONGEST` characters) and says so in its opening sentence, speaking of itself:
that it cannot, will not or must not help, comply, or give what was asked. Nothing stands before that but an apology, a
word of sympathy or "as an AI". An apology alone is none ("Sorry for the delay, here is ..."), nor a "cannot" about the
world ("You cannot divide by zero") or about what is not known ("I cannot tell from the text who wrote it"), nor one
that goes on to answer ("I can't give exact advice, but the usual dose is 200 mg"); an offer to do something else is no
answer. In doubt it is an answer: a refusal that is kept repeats the model's own words, an answer that is not kept costs
a call each time.

English first, and the usual openings in German, French, Spanish and Chinese.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 600
"""Characters: what is longer has said something beside."""
_OPENING: Final = 300
"""Characters in which the opening sentence must end."""

_UNABLE = re.compile(
    r"\bi(?:'m| am)? (?:(?:really|simply|just|still|also|ethically|unfortunately) )?"
    r"(?:can't|cannot|can not|won't|will not|must not|may not|do not|don't|shouldn't|should not|couldn't"
    r"|(?:wouldn't|would not) be able to"
    r"|not (?:able|allowed|permitted|going|willing|designed|programmed|authorized|here) to"
    r"|unable to|not comfortable(?: with)?|uncomfortable(?: with)?|(?:don't|do not) feel comfortable(?: with)?)"
    r"(?: (?:ethically|legally|directly|actually|personally|in good conscience|be able to"
    r"|feel comfortable(?: with)?))? "
)
_HELP = re.compile(
    r"(?:help|assist|helping|assisting)\b(?! but\b| \w+ing\b)"
    r"|(?:comply|fulfill?|accommodate|condone|facilitate|facilitating)\b"
    r"|(?:participate|participating|engage|engaging|take part)\b"
)
_GIVE = re.compile(
    r"(?:provid|creat|generat|writ|shar|giv|offer|discuss|answer|respond|produc|continu|do|process|complet|perform|"
    r"carry out|talk|advis|promot|encourag|reproduc|support)(?:e|ing)?\b(?: you| to| on| about| with| in| for| out)*"
    r"(?: (?:that|this|it|such|your|those|these|any|medical|legal|financial|personal)\b"
    r"|(?: \w+){0,2} "
    r"(?:explicit|sexual|harmful|hateful|hate|illegal|violent|malicious|dangerous|offensive|derogatory)\b"
    r"|(?: \w+){0,4} "
    r"(?:instructions?|advice|guidance|assistance|help|request|content|opinions?|material|lyrics|conversation)\b"
    r"|(?: \w+){0,2} information (?:on|about|that|regarding|related)\b)"
)
_MAKE = re.compile(r"(?:provid|creat|generat|writ|shar|produc|answer|respond|promot|reproduc)(?:e|ing)?\b")
"""Enough after an apology, whatever is not provided."""
_DECLINE = re.compile(
    r"\bi(?:'m going to have to| will have to|'ll have to| must| have to| need to)? ?(?:(?:respectfully|politely) )?"
    r"(?:decline|refuse)\b"
    r"|\bi(?:'d| would)? (?:rather|prefer) not\b"
    r"|\b(?:this|that|your|the) (?:request|question|topic|prompt|content)[^.!?\n]{0,40}"
    r"\b(?:violates|goes against|is against|conflicts with)\b[^.!?\n]{0,60}\b(?:polic|guideline|principle|terms|rules)"
    r"|\b(?:that|this|it)(?:'s| is) not something (?:that )?(?:i can|i'm able|i am able|i will)\b"
    r"|\bmy (?:\w+ ){0,2}(?:guidelines|programming|polic(?:y|ies)|principles) "
    r"(?:prevents?|prohibits?|forbids?|do(?:es)? not allow|don't allow)\b"
    r"|\b(?:it|that) (?:would not|wouldn't|is not|isn't) (?:be )?appropriate for me to\b"
    r"|\bi (?:can't|cannot|won't|will not)(?: do (?:that|this|so))?$"
)
_LEAD = re.compile(
    r"(?:(?:oh|hi|hello|hmm|well|no|okay|ok|thank you[^.!?\n]{0,80})[,.!]? ?)?"
    r"(?:(?:i'm|i am) (?:\w+ )?(?:sorry|afraid)"
    r"|(?:i )?(?:do |must )?apologi[sz]e|(?:my |please accept my )?(?:sincere )?apologies|sorry"
    r"|unfortunately|regrettably"
    r"|(?:as|i'm|i am) (?:just |only )?an? (?:ai|artificial|language|large|responsible|helpful|assistant)"
    r"|(?:while |although )?i (?:\w+ )?(?:understand|appreciate|realize|hear|know|see)\b|$)"
)
_APOLOGY = re.compile(r"(?:i'm|i am) (?:\w+ )?sorry|sorry|(?:i )?apologi[sz]e|unfortunately|i'm afraid|i am afraid")
_BARE_APOLOGY = re.compile(r"(?:(?:i'm|i am) (?:\w+ )?sorry|(?:i )?apologi[sz]e|(?:my )?apologies|sorry|no)[.!,]? ")
_END = re.compile(r"[.!?。！？](?:\s|$)|\n|[。！？]")
_GOES_ON = re.compile(
    r"\bhere(?:'s| is| are)\b|\b(?:but|however|that said|instead|generally|typically|though)\b,? "
    r"(?!i\b|i'|if |please|feel|let me|you |we |perhaps|maybe|there are|would |rather)"
)
_OTHER_LANGUAGES = re.compile(
    r"(?:(?:es )?tut mir (?:sehr )?leid|leider|entschuldigung)\b[^.!?\n]{0,60}\b(?:kann|darf)\b[^.!?\n]{0,80}"
    r"\b(?:nicht|keinen?)\b[^.!?\n]{0,60}"
    r"\b(?:helfen|unterstützen|beantworten|weiterhelfen|nachkommen|erfüllen|bereitstellen)\b"
    r"|(?:je suis )?(?:vraiment )?désolée?\b[^.!?\n]{0,30}\bje ne (?:peux|puis) (?:malheureusement )?pas "
    r"(?:vous |t'|te |y )?(?:aider|répondre|fournir|assister|satisfaire|accéder)\b"
    r"|lo (?:siento|lamento)\b[^.!?\n]{0,30}\bno puedo (?:\w+ )?"
    r"(?:ayudar|asistir|proporcionar|cumplir|responder|ofrecer)"
    r"|(?:很抱歉|抱歉|对不起|非常抱歉)[,，。]? ?(?:但)?我?(?:无法|不能|没办法)"
    r"[^。！？\n]{0,12}(?:提供|协助|回答|满足|帮助|帮|参与)"
)


def sounds_like_refusal(text: str) -> bool:
    """Whether the text is a refusal by its opening words. A text longer than `LONGEST` characters is not read."""
    if len(text) > LONGEST + 100:
        return False
    plain = " ".join(text.lower().replace("’", "'").split()).lstrip("*_#>\"'([ ")
    if not plain or len(plain) > LONGEST:
        return False
    opening, rest = _opening(plain)
    if _OTHER_LANGUAGES.match(opening):
        return True
    refused = _refused(opening)
    return refused is not None and _GOES_ON.search(opening[refused:] + " " + rest) is None


def _opening(text: str) -> tuple[str, str]:
    """The first sentence, with the next where it is but an apology, and what comes after."""
    apology = _BARE_APOLOGY.match(text)
    end = _END.search(text, apology.end() if apology else 0, _OPENING)
    if end is None:
        return text[:_OPENING], text[_OPENING:]
    return text[: end.start()], text[end.end() :]


def _refused(opening: str) -> int | None:
    """Where in the opening sentence the refusal ends; None where there is none."""
    declined = _DECLINE.search(opening)
    if declined is not None and _LEAD.match(opening[: declined.start()].rstrip()):
        return declined.end()
    for unable in _UNABLE.finditer(opening):
        if not _LEAD.match(opening[: unable.start()].rstrip()):
            return None
        to_do = _HELP.match(opening, unable.end()) or _GIVE.match(opening, unable.end())
        if to_do is None and _APOLOGY.match(opening):
            to_do = _MAKE.match(opening, unable.end())
        if to_do is not None:
            return to_do.end()
    return None
