"""One spelling of a prompt: composable steps that never merge what may be different requests.

How it works. Fenced and inline code is set aside first, then (after the Unicode and the quotes steps, so that “x” and
"x" are one) quoted strings; what is set aside is put back untouched. A prompt that looks like bare code is left as it
is, blanks at its ends aside. The other steps work on words between blanks: a word with anything but letters in it
(`C#`, `1.5`, `-5`, `v1.2`, `Node.js`, a URL, a path, an address, an identifier) is changed by none of them.

Case, contractions, and the optional steps are for English: they run only where the text shows itself English, by at
least one English function word and none that is another language's alone; German nouns and Polish names keep their
capitals. A title-case word folds unless it is a homograph (`homographs`) or may be a symbol (`5 Mg`, `He`); all-caps
and mixed-case words and single capitals never do, except `A` at the start of a sentence and the pronoun `I` beside a
word that shows it is one.

An end mark is dropped unless it says something: a question mark stays on what does not begin as a question ("You can
do it?"), as do `5!`, `...`, and a mark that is itself what is asked about.

`Normalizer(settings)(text)` is deterministic, idempotent, and total: any string has a normal form. `version` names the
steps that are on, with their revisions; it is part of every normalised digest. No I/O, no state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from semcache.policy import english, spelling
from semcache.settings import NormalizationSettings

_CODE_MARK, _QUOTE_MARK = "\x00", "\x01"
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"\n]{1,500}\"|(?<![\w'])'[^'\n]{1,200}'(?![\w'])|«[^»\n]{1,200}»|「[^」\n]{1,200}」")

_CODE_CHARACTERS = re.compile(r"[{}()\[\]<>=;$\\#:|^~&%]|\n")
"""Bare code has one of these; a prompt without any is prose, which is settled without the costlier look."""

_BARE_CODE = re.compile(
    r"[{};][^\S\n]*$|[{}]|[=!<>+*/-]=|->|=>|::|&&|\|\||</?\w|\w\(|\)\.|\w\[|\]\[|\\\w|\$[\w({]|^[^\S\n]*[#@]\w|^[^\S\n]*//|--\w"
    r"|^[^\S\n]*(?:def|class|import|from|function|const|let|var|public|private|static|package|using|namespace)\s+\w"
    r"|\bSELECT\b|\bINSERT INTO\b|\bCREATE TABLE\b|\w\s=\s\w|\w\^\w",
    re.MULTILINE,
)


_ROUNDS: Final = 5
"""The second nearly always finds nothing left to do."""


class Step(NamedTuple):
    """A named step. `revision` is raised whenever its rule changes, so that old keys are not mistaken for new ones."""

    name: str
    revision: int
    apply: Callable[[str], str]


TEXT_STEPS: Final = (Step("unicode", 1, spelling.unicode_form), Step("quotes", 1, spelling.plain_quotes))
"""Before quoted strings are set aside."""

WORD_STEPS: Final = (
    Step("whitespace", 1, spelling.single_blanks),
    Step("case", 2, english.fold_case),
    Step("contractions", 1, english.expand_contractions),
    Step("punctuation", 1, english.drop_punctuation),
    Step("stop_words", 1, english.drop_stop_words),
    Step("stemming", 1, english.stem),
    Step("end_punctuation", 1, spelling.drop_end_marks),
)
"""On prose only, in this order. All but `whitespace` and `end_punctuation` want English."""

_ANY_LANGUAGE = frozenset({"whitespace", "end_punctuation"})
_MAY_CHANGE_SETTLED: Final = frozenset({"punctuation", "stop_words", "stemming"})
"""The only steps that change what is `_smooth` and `_folded`."""


class Normalizer:
    """The normaliser that a set of settings asks for."""

    def __init__(self, settings: NormalizationSettings | None = None) -> None:
        chosen = settings or NormalizationSettings()
        self._text_steps = [step.apply for step in TEXT_STEPS if getattr(chosen, step.name)]
        word_steps = [step for step in WORD_STEPS if getattr(chosen, step.name)]
        self._english_steps = [step.apply for step in word_steps]
        self._plain_steps = [step.apply for step in word_steps if step.name in _ANY_LANGUAGE]
        self._trim = chosen.whitespace
        self._may_settle = not any(step.name in _MAY_CHANGE_SETTLED for step in word_steps)
        self._wants_english = len(self._english_steps) > len(self._plain_steps)
        on = [f"{step.name}{step.revision}" for step in (*TEXT_STEPS, *WORD_STEPS) if getattr(chosen, step.name)]
        self.version = f"1.{english.REVISION}:" + "+".join(on)
        """Changes with the steps that are on, their revisions, and the word lists."""

    def __call__(self, text: str) -> str:
        """The normal form of a prompt; never empty for a prompt that is not."""
        if _CODE_MARK in text or _QUOTE_MARK in text:  # what is set aside; no prompt that people write holds them
            return text
        for number in range(_ROUNDS):  # an end mark gone may let a word fold: a normal form has itself as its own
            if self._may_settle and _smooth(text) and (text.islower() or (number and _folded(text))):
                break  # as most prompts are after one round: the second would cost as much and find nothing
            form = self._once(text)
            if form == text:
                break
            text = form
        return text

    def _once(self, text: str) -> str:
        code: list[str] = []
        masked = _set_aside(_CODE, _CODE_MARK, text, code) if "`" in text else text
        for apply in self._text_steps:
            masked = apply(masked)
        quoted: list[str] = []
        if '"' in masked or "'" in masked or not masked.isascii():
            masked = _set_aside(_QUOTED, _QUOTE_MARK, masked, quoted)
        masked = self._words(masked)
        if quoted:
            masked = _put_back(_QUOTE_MARK, masked, quoted)
        if code:
            masked = _put_back(_CODE_MARK, masked, code)
        return masked or text

    def _words(self, text: str) -> str:
        if _CODE_CHARACTERS.search(text) and _BARE_CODE.search(text):
            return text.strip("\n").rstrip() if self._trim else text
        for apply in self._english_steps if self._wants_english and english.is_english(text) else self._plain_steps:
            text = apply(text)
        return text


def _smooth(text: str) -> bool:
    """Whether no step could change the text but `_MAY_CHANGE_SETTLED` and the folding of case: ASCII on one line,
    single blanks, no quote, apostrophe or backtick, and a letter or digit at its end.
    """
    return (
        text.isascii()
        and text[-1:].isalnum()
        and text[0] != " "
        and text.isprintable()
        and "  " not in text
        and "'" not in text
        and '"' not in text
        and "`" not in text
    )


def _folded(text: str) -> bool:
    return not english.is_english(text) or english.fold_case(text) == text


def _set_aside(what: re.Pattern[str], mark: str, text: str, kept: list[str]) -> str:
    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return mark

    return what.sub(keep, text)


def _put_back(mark: str, text: str, kept: list[str]) -> str:
    pieces = text.split(mark)
    woven = [pieces[0]]
    for piece, original in zip(pieces[1:], kept, strict=True):
        woven += (original, piece)
    return "".join(woven)
