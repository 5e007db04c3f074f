"""What people put around a question out of courtesy or habit, and what asks the same without it. Pure; English.

Greetings, thanks, apologies, "quick question:", "could someone tell me". They are courtesy only where they stand: at
the beginning or the end of a sentence, apart from the rest or before a question. "Hey Jude" greets nobody, "how deep is
a well" does not hesitate, and who asks for words ("how do you say thank you in Korean") means all of them.

What is dropped here nothing that judges sees, so all that may be dropped is listed: where any words might stand, a wish
might ("I'd be grateful if you answered in French"), or an order to the model that answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_BREAK: Final = re.compile(r"(?<=[.!?])\s+|\s*\n+\s*")
"""Between sentences."""
_ABOUT_WORDS: Final = re.compile(
    r"\b(?:say|says|saying|said|spell\w*|pronounc\w*|pronunciation|translat\w*|words?|phrases?|sentences?|means?|"
    r"meaning|titled?|synonyms?|antonyms?|grammar\w*|etymology|repl(?:y|ies)|respon[ds]\w*|greet\w*|"
    r"polite\w*|formal\w*|tone|quot\w+|rewrite|rephrase|paraphrase|proofread|classify|sentiment|regex|print\w*|echo|"
    r"repeat)\b"
)
"""In such a prompt a courtesy may be what is asked about, unless it opens the prompt."""
_ABOUT_WORKS: Final = re.compile(
    r"\b(?:lyrics?|chords|songs?|sang|sings?|sung|singers?|bands?|albums?|cast|episodes?|theme)\b"
)
"""In such a prompt any of the words may be a title's."""

_WH: Final = r"(?:how|what|which|where|when|why|who|whose|whom|whether|if)(?:'?s)?"
_BEFORE_WH: Final = rf"\s+(?={_WH}\b)"
_ASKS: Final = (
    rf"\s+(?=(?:{_WH}|is|are|am|was|were|do|does|did|can|could|should|would|will|may|i|i'm|i've|i'd|my|we|please|"
    r"tell|explain|help)\b)"
)
_APART: Final = r"\s*(?:[,!.:;]+(?=\s|$)\s*|\s[-–—]+\s+)"
_PLEASE: Final = r"(?:please|pls|plz|kindly)"
_YOU: Final = r"(?:you|u|someone|somebody|anyone|anybody|(?:any|one|some) of you)(?: guys| all)?"
_CAN_YOU: Final = rf"(?:can|could|would|will) {_YOU}(?: (?:{_PLEASE}|possibly|maybe|perhaps|just))*"
_TO_ME: Final = (
    r"(?:(?:tell|show|inform|remind|teach|advise) (?:me|us)|(?:explain|clarify|describe)(?: (?:to|for) (?:me|us))?|"
    r"let (?:me|us) know|help (?:me|us) (?:to )?(?:understand|figure out|find out|see|know|learn)|tell)"
)
_ADDRESSED: Final = (
    r"(?: (?:there|all|everyone|everybody|guys|folks|friends?|again|bot|assistant|(?:support )?team|support|"
    r"sir(?: or |/)madam|sir|madam))?"
)
_OF_A_TEAM: Final = (
    "customer|client|technical|tech|it|hr|human|resources|accounting|accounts|billing|finance|financial|payroll|sales|"
    "support|service|services|help|desk|legal|marketing|purchasing|procurement|logistics|shipping|facilities|admin|"
    "administration|administrative|office|front|back|care|success|relations|and|of|the|our|my|whole|entire|project|"
    "product|development|engineering|security|data|operations|editorial|management|quality"
)
"""Which team of the house: never whose, since "the Revolut team" would tell what is asked about."""
_GREETING: Final = (
    rf"(?:(?:hi|hello|hey|heya|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)){_ADDRESSED}|"
    r"dear (?:all|everyone|support|sir|madam|sir(?: or |/)madam|"
    rf"(?:(?:{_OF_A_TEAM}) ){{0,3}}(?:team|department|office|colleagues?)))"
)
_SOME_QUESTION: Final = (
    r"(?:(?:just|maybe|perhaps|probably|possibly|here's|i have|i've got|i got|this (?:is|may be|might be)|a|an|one|"
    r"another|my|quick|short|small|simple|little|easy|basic|stupid|silly|dumb|newbie|beginner(?:'s)?|random|general|"
    r"weird|serious|honest|genuine|follow-up|last|more) )*(?:question|thing|query)"
    r"(?: for (?:you|you all|the team|everyone|anyone))?"
)
_EXCUSED: Final = (
    "for|if|to|but|the|this|that|it|i|you|my|your|me|a|an|another|any|all|everyone|is|it's|i'm|am|was|has|have|been|"
    "may|might|be|seems?|sounds?|bother(?:ing)?|disturb(?:ing|ance)?|interrupt(?:ing|ion)?|intrusion|trouble|troubling|"
    "inconvenience|ask(?:ed|ing)?|keep|questions?|post(?:ed|ing)?|message|repost|duplicate|repeat(?:ed|ing)?|covered|"
    "answered|before|already|again|once|more|elsewhere|here|late|delay|quick|short|long|so|such|too|very|really|"
    "stupid|silly|dumb|basic|simple|obvious|easy|trivial|naive|noob|newbie|beginner(?:'s)?|new|bad|poor|broken|english|"
    "grammar|spelling|typos?|confusion|wrong|place|forum|off-topic|off|topic"
)
_EXCUSE: Final = (
    rf"(?:sorry|apologies|excuse me|pardon(?: me)?)(?: (?:for|if|to|but)\b(?: (?:{_EXCUSED})(?![\w'-])){{1,9}})?"
)
_CALL: Final = (
    rf"(?:(?:very )?urgent(?:ly)?|asap|help|{_PLEASE} (?:help|advise|assist)(?: me| us)?(?: out)?|help (?:me|us|needed|"
    rf"wanted|{_PLEASE})|(?:i )?need (?:some |your )?help|(?:just )?(?:curious|wondering|asking)|out of curiosity|"
    r"by the way|btw|fyi|right|alright)"
)
_HESITATION: Final = r"(?:um+|uh+m?|hm+|so|ok|okay|ok so|okay so)"

_LEADS: Final = (
    rf"{_GREETING}(?:{_APART}|{_ASKS})",
    rf"{_HESITATION}(?:{_APART}|{_ASKS})",
    r"(?:hi|hey|ok so|okay so)\s+(?!(?:fi|five|res|tech|vis|lo|jude)\b)(?=(?:\S+\s+){2}\S)",
    r"hello\s+(?=.{60})",
    rf"well(?:{_APART}|{_BEFORE_WH})",
    rf"(?:{_EXCUSE}|{_CALL}|{_SOME_QUESTION}){_APART}(?:but\s+)?",
    rf"(?:just )?(?:a )?quick question{_ASKS}",
    r"(?:if (?:it's|it is|that's) not too much (?:trouble|to ask)|if you don't mind|when you have a (?:minute|moment))"
    r",\s*",
    rf"{_PLEASE} note(?: that)?\s+(?=\w)",
    rf"{_PLEASE}\b[,!]?\s+(?=\w)",
    # Could you tell me, tell me
    rf"(?:{_CAN_YOU} )?tell (?:me|us)(?! about\b)\s+(?=\w)",
    rf"(?:{_CAN_YOU} )?{_TO_ME}{_BEFORE_WH}",
    # I was wondering if someone could tell me
    r"(?:i(?: am|'m| was|'ve been)? )?(?:just |also |kind of )?(?:wondering|curious(?: about)?|asking|hoping|"
    r"interested in knowing|(?:trying|looking|hoping) to (?:find out|figure out|understand|learn|know|see))"
    rf"(?: if {_YOU} (?:can|could|might|may|would)(?: {_PLEASE})? {_TO_ME})?{_BEFORE_WH}",
    # I'd like to know
    r"(?:i(?: would|'d)? )?(?:really |just |also )?(?:like|love|want|wanted|need|wish) to (?:know|ask(?: you)?|"
    rf"find out|figure out|understand|learn){_BEFORE_WH}",
    rf"(?:do|does|would) {_YOU}(?: happen to| perhaps)? (?:know|remember){_BEFORE_WH}",
    rf"(?:have you |do you have |does anyone have )?any (?:idea|ideas|clue){_BEFORE_WH}",
    rf"(?:any chance|is there any chance|is it possible(?: that)?) {_YOU} (?:can|could) {_TO_ME}{_BEFORE_WH}",
    rf"(?:would|do) you mind (?:telling (?:me|us)|explaining(?: to me)?|clarifying){_BEFORE_WH}",
    rf"(?:may|might|can|could) i (?:please )?(?:ask|know|find out)(?: you)?{_BEFORE_WH}",
    # Could you please write, I need you to write
    rf"(?:can|could|would|will) you(?: possibly)? {_PLEASE}\s+(?=\w)",
    r"(?:can|could|would) you\s+(?=(?:translate|summari[sz]e|explain|describe|suggest|recommend|define|draft|rewrite|"
    r"rephrase|paraphrase|proofread|outline|give (?:me|us)|show (?:me|us))\b)",
    r"i(?: would|'d)? (?:like|need|want) you to\s+(?=\w)",
)
_THANKS: Final = (
    r"(?:many |so many )?(?:thanks|thank you|thank u|thx|thanx|tnx)(?: (?:so|very) much| a (?:lot|bunch|million|ton)| "
    r"again| in advance| everyone| guys| all| for (?:your |the |any |all )?(?:help|time|answers?|advice|support|"
    r"assistance|response))*"
)
_HELP_GIVEN: Final = (
    r"(?:(?:quick|prompt|kind|early|detailed|helpful|good|some|any|your|an|a|the|all|further) )*"
    r"(?:help|advice|assistance|answers?|support|reply|replies|response|input|feedback|guidance|explanation|"
    r"clarification|suggestions?|tips?|hints?|pointers?|information|info|ideas?|insights?|time|efforts?|patience|"
    r"understanding|attention|it|that|this)"
)
_IF_HELPED: Final = (
    rf"{_YOU} (?:can |could |would |might |may )?(?:please )?(?:help(?:ed)?|assist(?:ed)?|advise[d]?|answer(?:ed)?|"
    r"explain(?:ed)?|reply|replied|respond(?:ed)?|clarify|clarified|tell|told|let|enlighten|point)"
    r"(?: (?:me|us|this|that|it|out|know|with|on|about|to|in|the|right|direction|my|question)){0,6}"
)
_ANY_HELP: Final = r"(?:(?:any|your|some) )?(?:help|advice|assistance|input|guidance|answers?)"
_TAILS: Final = (
    _THANKS,
    rf"{_PLEASE}(?: (?:help|advise|assist|explain|answer|respond|reply|tell|let)(?: me| us)?(?: out| know)?)?",
    rf"{_ANY_HELP} (?:(?:is|would be) )?(?:much |greatly |really |highly |very )?(?:appreciated|welcome)",
    r"much appreciated|if you don't mind|if possible",
)
_TAILS_APART: Final = (
    r"ty|tysm|tia|cheers|asap|as soon as possible|(?:it's |this is |very )?urgent|help(?: me)?(?: out)?",
    r"(?:best |kind |warm )?regards|sincerely|bye|lol|haha",
    r"anyone|any(?:one|body) know|any (?:ideas?|clues?|thoughts|suggestions|advice|tips|pointers|help|info)",
    rf"(?:do|does) {_YOU} know|just (?:curious|wondering|asking)|let me know|no rush|if you (?:can|could|know)",
    rf"(?:i(?: would|'d)?(?: really)? )?(?:greatly )?appreciate {_HELP_GIVEN}",
    rf"(?:i(?: would|'d)(?: be)? )(?:very |so |really )?(?:grateful|thankful|glad)"
    rf"(?: for {_HELP_GIVEN}| if {_IF_HELPED})?",
    r"have a (?:nice|great|good|lovely) (?:day|one|evening|weekend)",
    rf"looking forward to (?:(?:hearing|reading|receiving|getting|seeing) )?(?:from you|back from you|{_HELP_GIVEN})"
    r"(?: soon)?",
)
_SIGNED: Final = re.compile(
    r"[.!?,\n]\s*(?:yours (?:sincerely|faithfully|truly)|sincerely(?: yours)?|"
    r"(?:(?:best|kind|kindest|warm|many) )?regards|best wishes)[\s.!]*(?:,?\s*(?:[a-z]\.\s*){0,2}[a-z'-]+)?[\s.!]*\Z"
)
"""The end of a letter, with one name of who wrote it: two words may be an order."""
_LEAD: Final = re.compile("(?:" + "|".join(_LEADS) + ")")
_TAIL: Final = re.compile(
    rf"(?:[\s,.;!?)-]+(?:{'|'.join(_TAILS)})|[,.;!?)…-]\s*(?:{'|'.join(_TAILS_APART)}))[\s.!?,:)(🙏🙂😊👍]*\Z"
)
_ALONE: Final = re.compile(
    rf"(?:{_GREETING}|{_CALL}|{_EXCUSE}|{_SOME_QUESTION}|{'|'.join((*_TAILS, *_TAILS_APART))})[\s.!?,:)(🙏🙂😊👍]*\Z"
)
_INSIDE: Final = re.compile(rf"\b{_PLEASE}\b")
_BOUND: Final = frozenset({"a", "an", "the", "of", "with", "for", "and", "or", "vs", "my", "your", "called", "named"})
"""A word after one of these belongs to the question: a letter of thanks."""
_SPOKEN: Final = re.compile(r"(?:user|assistant|system|developer|tool): ")
"""Before a turn of a conversation."""
_NOBODY: Final = re.compile("")
_FACE: Final = re.compile(r"\s[:;=]-?[)(dp]+(?=\s|\Z)|[🙏🙂😊😀👍]")


def bare(text: str) -> str:
    """The text, which is lower-case, without courtesies; the text itself where nothing else would be left.

    Of turns of a conversation, a line each, every turn by itself.
    """
    if _SPOKEN.match(text):
        return "\n".join([found[0] + _bare(line[found.end() :]) for line, found in _turns(text)])
    return _bare(text)


def _turns(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for line in text.split("\n"):
        found = _SPOKEN.match(line) or _NOBODY.match(line)
        assert found is not None  # the latter matches anything
        yield line, found


def _bare(text: str) -> str:
    if _ABOUT_WORKS.search(text):
        return text
    if (signed := _SIGNED.search(text)) and not _ABOUT_WORDS.search(text):
        text = text[: signed.start() + 1]
    if _BREAK.search(text) is None:
        led = _unled(text)
        if not _ABOUT_WORDS.search(led):
            led = _plain(led)
        return led if led.strip() else text
    first, *others = _BREAK.split(text)
    if _ABOUT_WORDS.search(text):
        return " ".join([_unled(first), *others])
    sentences = _BREAK.split(_FACE.sub(" ", text).rstrip())
    kept = [_plain(_unled(sentence)) for sentence in sentences if not _ALONE.match(sentence)]
    return " ".join(kept) if any(one.strip() for one in kept) else text


def _plain(sentence: str) -> str:
    sentence = _untailed(_FACE.sub(" ", sentence) if _FACE.search(sentence) else sentence)
    return _INSIDE.sub(" ", sentence) if "pl" in sentence or "kindly" in sentence else sentence


def _unled(sentence: str) -> str:
    while (found := _LEAD.match(sentence)) and found.end() < len(sentence):
        sentence = sentence[found.end() :]
    return sentence


def _untailed(sentence: str) -> str:
    while (found := _TAIL.search(sentence)) and found.start():
        before = sentence[: found.start()]
        if found[0][0].isspace() and before.rpartition(" ")[2] in _BOUND:
            break
        sentence = before
    return sentence
