from __future__ import annotations

import hashlib
import itertools
import re
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.policy import english, normalize
from semcache.policy.normalize import TEXT_STEPS, WORD_STEPS, Normalizer
from semcache.settings import NormalizationSettings
from tests import evaldata
from tests.yardstick import once

NAMES = [step.name for step in (*TEXT_STEPS, *WORD_STEPS)]
DEFAULT = Normalizer()
EVERYTHING = Normalizer(NormalizationSettings(punctuation=True, stop_words=True, stemming=True))
NOTHING = Normalizer(NormalizationSettings(**dict.fromkeys(NAMES, False)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the capital of France?", "what is the capital of france"),
        ("What is  the\tcapital of France ?", "What is the capital of France"),
        ("What’s the time", "what is the time?"),
        ("Why don't cats bark?", "Why do not cats bark"),
        ("Say “hello” to the class", 'Say "hello" to the class'),
        ("How do I sort a list?", "how do i sort a list?"),
        ("What can I do if I am late?", "what can i do if I'm late"),
        ("A dog is at the door.", "a dog is at the door"),
        ("well–known facts about the sea", "well-known facts about the sea"),
        ("Ｗｈａｔ is the sea？", "What is the sea?"),
        ("caf\u0065\u0301 prices in the city", "caf\u00e9 prices in the city"),
        ("the\u200bsea and the sky", "thesea and the sky"),
        ("How does this work?!", "how does this work"),
        ("list of facts\r\n\r\n\r\n\r\nand figures", "list of facts\n\nand figures"),
        ("你好吗？", "你好吗"),
        ("怎么开通？", "怎么开通"),
    ],
)
def test_these_are_one(one: str, other: str) -> None:
    assert DEFAULT(one) == DEFAULT(other)


NEVER_ONE = [
    ("C", "C++", "C#", "c"),
    ("learn C in the summer", "learn C++ in the summer", "learn C# in the summer"),
    ("what is C?", "what is C++?", "what is C#?"),
    ("what is 1.5", "what is 15", "what is 1,5", "what is -1.5", "what is .5"),
    ("what is -5", "what is 5", "what is +5", "what is 5!", "what is 5%", "what is 5°"),
    ("where is the US", "where is the us", "where is the U"),
    ("who is IT", "who is it"),
    ("what is the WHO", "what is the who"),
    ("what is v1.2", "what is v12", "what is v1.2.0"),
    ("is the Polish coat nice", "is the polish coat nice"),
    ("Turkey or the sea", "turkey or the sea"),
    ("is it May", "is it may"),
    ("the price of Apple", "the price of apple"),
    ("what is Python", "what is python"),
    ("You can do it.", "You can do it?"),
    ("the cat sat", "the cat sat..."),
    ("what is x²", "what is x2", "what is ½", "what is 1/2", "what is ①", "what is 1"),
    ('what does "Up" mean', 'what does "up" mean'),
    ("what does `Foo  Bar` do", "what does `foo bar` do", "what does `Foo Bar` do"),
    ("open https://a.org/B of the site", "open https://a.org/b of the site"),
    ("read /etc/Hosts to the end", "read /etc/hosts to the end"),
    ("mail Ann@b.org to the boss", "mail ann@b.org to the boss"),
    ("what is fooBar", "what is foobar", "what is FooBar", "what is foo_bar"),
    ("what is Node.js", "what is node.js"),
    ("what is –", "what is -", "what is —"),
    ("what is “ in the text", 'what is " in the text'),
    ("what is X", "what is x"),
    ("Elizabeth I of the", "Elizabeth II of the"),
    ("he's in the house", "he is in the house"),
    ("it's been a day of", "it is been a day of"),
    ("can not be the end", "cannot be the end"),
    ("if a:\n    b of", "if a:\nb of"),
    ("print the value\n```\na  = 1\n```", "print the value\n```\na = 1\n```"),
    ("می\u200cخواهم", "میخواهم"),
    ("👩\u200d💻 to the", "👩💻 to the"),
    ("Die Frau und das Meer", "die Frau und das Meer"),
    ("Sie ist hier und the", "sie ist hier und the"),
    ("the word" + "\U000e0041\U000e0042", "the word"),
    ("the word" + "\u200b" * 9, "the word"),
    ("what does a ?. b mean", "what does a . b mean"),
    ("what is ?", "what is !", "what is"),
]


@pytest.mark.parametrize("prompts", NEVER_ONE, ids=lambda prompts: prompts[0])
@pytest.mark.parametrize("normalizer", [DEFAULT, EVERYTHING], ids=["default", "everything"])
def test_these_never_are(prompts: tuple[str, ...], normalizer: Normalizer) -> None:
    forms = [normalizer(prompt) for prompt in prompts]
    assert len(set(forms)) == len(prompts), forms


def test_titles_fold_at_the_start_of_a_sentence_only() -> None:
    assert DEFAULT("Up to the hill") == "up to the hill"
    assert DEFAULT("Who directed Up") == "who directed Up"


@pytest.mark.parametrize(
    ("step", "one", "other"),
    [
        ("punctuation", "well, is the sea blue; or not", "well is the sea blue or not"),
        ("stop_words", "please show me the way to a bank", "show me way to bank"),
        ("stemming", "what are the benefits of the walks", "what are the benefit of the walk"),
    ],
)
def test_optional_steps(step: str, one: str, other: str) -> None:
    with_it = Normalizer(NormalizationSettings(**{step: True}))
    assert with_it(one) == with_it(other)
    assert DEFAULT(one) != DEFAULT(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what is a bearing", "what is a bear"),
        ("university", "universe"),
        ("vitamin a and the sea", "vitamin and the sea"),
        ("news of the", "new of the"),
    ],
)
def test_optional_steps_stay_careful(one: str, other: str) -> None:
    assert EVERYTHING(one) != EVERYTHING(other)


def test_the_version_names_the_steps() -> None:
    versions = {
        Normalizer(NormalizationSettings(**dict(zip(NAMES, chosen, strict=True)))).version
        for chosen in itertools.product([False, True], repeat=len(NAMES))
    }
    assert len(versions) == 2 ** len(NAMES)
    assert DEFAULT.version == Normalizer(NormalizationSettings()).version


def test_without_steps_nothing_changes() -> None:
    assert NOTHING("  What's  “This”?? ") == "  What's  “This”?? "


# --- properties ----------------------------------------------------------------------------------------------

VOCABULARY = """
the The what What What's what's I i I'm A a do don't Don't it It's been is US us C C# C++ 1.5 -5 5! Up May Polish
Node.js fooBar `Code ` ``` "Quoted It" 'Single It' ' " “ ” ‘ ’ – — … ... ? ! . ?! ?. , ; : ( ) { } = -> $x if a:
def f(x): und ist Die 吗 怎么 。 ？ ！ ｆｕｌｌ é ﬁ ² ½ 👩 م ع running studies buildings please vitamin a. U.S. etc.
https://A.b/C? a@B.c /Usr/Bin c:\\Dir x^2 5–10 −5 SELECT
"""
WORDS = [*VOCABULARY.split(), *"\u200b\u200d\u200c\ufeff\u00ad\u0301\x00\x01\ud800"]
SPACES = ["", " ", "  ", "\n", "\n\n\n", "\t", "\u00a0", "\u3000", "\r\n", " \n ", "\u2028"]
SOUP = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SPACES)), max_size=9).map(
    lambda pieces: "".join(word + space for word, space in pieces)
)
ANY = SOUP | st.text(max_size=40) | st.text(st.sampled_from("\ud800\x00\x01\u200d\u0301aA?! .\n\"'`“"), max_size=20)


@given(ANY, st.lists(st.booleans(), min_size=len(NAMES), max_size=len(NAMES)))
@settings(max_examples=800, deadline=None)
def test_total_deterministic_and_idempotent(text: str, chosen: list[bool]) -> None:
    some = Normalizer(NormalizationSettings(**dict(zip(NAMES, chosen, strict=True))))
    for normalizer in (DEFAULT, EVERYTHING, some):
        form = normalizer(text)
        assert normalizer(text) == form
        assert normalizer(form) == form
        assert bool(form) == bool(text)


@given(SOUP)
@settings(max_examples=500, deadline=None)
def test_digits_are_never_lost(text: str) -> None:
    if "\x00" not in text and "\x01" not in text:
        assert re.findall(r"\d", DEFAULT(text)) == re.findall(r"\d", text)


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        " ",
        "?",
        "'",
        '"',
        "`",
        "“",
        "I ",
        "don't ",
        "The ",
        "\n",
        " \n",
        "x = 1;\n",
        "a.b ",
        "\u200b",
        "é",
        "What's ",
    ],
)
def test_long_prompts_take_linear_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert once(lambda: DEFAULT(text)) < 4_500


@pytest.mark.parametrize("name", ["llm_prompts", "bitext_class"])
def test_real_prompts_have_stable_forms_with_every_step(name: str) -> None:
    for text in evaldata.texts(name, 1000):
        form = EVERYTHING(text)
        assert form
        assert EVERYTHING(form) == form


# --- over the shared prompts ---------------------------------------------------------------------------------

READ_AND_FOUND_MISLABELLED = {
    # a contraction and its long form, labelled different though they ask the same (each read)
    "1958ddf4",
    "2b7b046b",
    "ea69b16d",
}


def _trivial(text: str) -> str:
    """The text as hardly anybody would tell it apart: case, blanks and end marks aside."""
    return " ".join(text.lower().split()).rstrip(" .?!")


def _mark(a: str, b: str) -> str:
    return hashlib.sha256(f"{a}\0{b}".encode()).hexdigest()[:8]


@pytest.mark.parametrize("name", evaldata.names("pairs") or ["qqp_pairs"])
def test_no_two_prompts_labelled_different_share_a_form(name: str) -> None:
    merged = [pair for pair in evaldata.pairs(name) if not pair.same and DEFAULT(pair.a) == DEFAULT(pair.b)]
    noise = [pair for pair in merged if _trivial(pair.a) == _trivial(pair.b)]
    rest = {_mark(pair.a, pair.b) for pair in merged if pair not in noise}
    assert rest <= READ_AND_FOUND_MISLABELLED
    assert len(noise) <= 2  # the same text twice but for a blank; no rule could part them


@pytest.mark.parametrize("name", evaldata.names("class") or ["clinc150_class"])
def test_no_two_answers_share_a_form(name: str) -> None:
    forms: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for text, key in evaldata.classed(name):
        forms[DEFAULT(text)][key].add(_trivial(text))
    for keys in forms.values():
        # labels that contradict each other on one and the same text say nothing about the rules
        assert len(keys) == 1 or len(set().union(*keys.values())) == 1


def plainly(normalizer: Normalizer, text: str) -> str:
    """The normal form by rounds until nothing changes, with no look for what is settled."""
    for _ in range(normalize._ROUNDS):
        form = normalizer._once(text)
        if form == text:
            break
        text = form
    return text


_MARKS = ["x", "=", "y", ";", "`", '"', "'", "«", "»", ".", "!", "?", "...", "\t", "\n", "é", "’"]
_WORDS = [
    "the",
    "The",
    "is",
    "I",
    "A",
    "what",
    "What's",
    "don't",
    "und",
    "Come",
    "come?",
    "USA",
    "He",
    "5",
    "Mg",
    "Don",
]
_PIECES = st.sampled_from(_WORDS + _MARKS)


@given(st.lists(st.tuples(_PIECES, st.sampled_from([" ", " ", " ", "", "  ", "\n"])), min_size=1, max_size=10))
@settings(max_examples=1500, deadline=None)
def test_what_is_settled_changes_in_no_round(pieces: list[tuple[str, str]]) -> None:
    text = "".join(piece + blank for piece, blank in pieces)
    for normalizer in (
        Normalizer(),
        Normalizer(NormalizationSettings(punctuation=True, stop_words=True, stemming=True)),
    ):
        assert normalizer(text) == plainly(normalizer, text)


@given(st.lists(_PIECES | st.sampled_from(sorted(english.ENGLISH_WORDS | english.FOREIGN_WORDS)), max_size=6))
@settings(max_examples=1500, deadline=None)
def test_english_is_known_by_words_as_by_search(pieces: list[str]) -> None:
    for glue in (" ", "'", "_", "-"):
        text = glue.join(pieces)
        if text.isascii():
            searched = bool(english._ENGLISH.search(text)) and not english._FOREIGN.search(text)
            assert english.is_english(text) == searched
