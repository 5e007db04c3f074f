"""Real long prompts through the real model: compared whole, not by their first part."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcache.embedders.minilm import MiniLm
from semcache.policy.similarity import similarity

HEAD = (
    "I run a small bakery with four employees in a town of about nine thousand people. We open at six in the morning "
    "and sell bread, rolls, cakes and coffee until two in the afternoon. Since last winter our electricity bill has "
    "gone up by almost forty percent, mainly because of the two old deck ovens, which we heat up at three every night "
    "and keep hot all morning. The landlord owns the building and does not want to pay for a new installation, but he "
    "would agree to changes if we pay for them ourselves. Our accountant says that we could afford to invest about "
    "thirty thousand euros this year, preferably spread over two payments. On Mondays we are closed, and in August we "
    "take two weeks of holidays. Besides the shop we deliver bread to two hotels and a school, which need their goods "
    "before seven. Most of our customers pay in cash, and the average purchase is a little more than six euros. We "
    "already looked at a used gas oven, but the chimney sweep told us that the flue would have to be rebuilt for that. "
    "My sister, who helps with the books, thinks that we should rather bake less often and freeze part of the dough. "
    "I am not sure about that, because our regular customers come for the fresh rolls, and the freezer in the cellar "
    "is small and needs power as well. There is room on the flat roof for a few solar panels, which a neighbour put up "
    "last spring and is happy with, but in the middle of the night they will not help us much. "
)
REWORDED_HEAD = (
    "I own a little bakery; five of us work there if you count me, in a town with roughly nine thousand inhabitants. "
    "Our doors open at six a.m., and until two p.m. we sell bread, buns, cakes and coffee. Our power bill has risen by "
    "nearly forty percent since last winter. The chief reason is our pair of old deck ovens, heated from three o'clock "
    "each night and kept hot the whole morning. The building belongs to a landlord who will not pay for new equipment "
    "but accepts modifications if the cost is ours. According to our accountant, an investment of around thirty "
    "thousand euros is possible this year, ideally in two instalments. We close on Mondays and go on vacation for two "
    "weeks in August. In addition to the shop, we supply a school and two hotels with bread, and they must have it "
    "before seven. The typical customer spends slightly above six euros and pays cash. A second-hand gas oven was one "
    "idea, yet the chimney sweep said the flue must be rebuilt for it. My sister does some of our bookkeeping, and in "
    "her opinion we ought to bake fewer times and freeze some dough instead. "
    "I have my doubts: the regulars visit us for rolls that are fresh, and our cellar freezer is not big and uses "
    "electricity too. A few solar panels would fit on the flat roof, like those a contented neighbour put up last "
    "spring, though they are of little use to us in the dead of night. "
)
QUESTION = "How can I bring down what we spend on electricity for the ovens?"
REWORDED_QUESTION = "What can I do to lower the electricity cost of our ovens?"
OTHERS = (
    "Write a job advertisement for a baker's apprentice who starts in September.",
    "Which taxes do I have to pay when I sell the shop to my sister?",
    "Translate all of the above into Portuguese.",
)


@pytest.fixture(scope="module")
def score(prepared_models_dir: Path) -> object:
    encoder = MiniLm(prepared_models_dir, threads=1, batch=16, max_windows=64)
    encoder.load()

    def between(left: str, right: str) -> float:
        a, b = encoder.encode([left, right])
        assert a is not None
        assert b is not None
        assert len(a.vectors) > 1
        return similarity(a, b)

    return between


def test_a_long_paraphrase_may_hit(score) -> None:  # type: ignore[no-untyped-def]
    assert score(HEAD + QUESTION, REWORDED_HEAD + REWORDED_QUESTION) > 0.9
    assert score(HEAD + QUESTION, HEAD + REWORDED_QUESTION) > 0.95


@pytest.mark.parametrize("other", OTHERS)
def test_another_request_behind_the_same_long_text_is_another_prompt(score, other: str) -> None:  # type: ignore[no-untyped-def]
    assert score(HEAD + QUESTION, HEAD + other) < 0.8
    assert score(HEAD + QUESTION, REWORDED_HEAD + other) < 0.85
    assert score(QUESTION + " " + HEAD, other + " " + HEAD) < 0.93


def test_half_of_a_prompt_is_not_the_prompt(score) -> None:  # type: ignore[no-untyped-def]
    other_half = (
        "The fox lives in dens that it digs into slopes, and hunts mice at dusk along hedges and ditches. " * 12
    )
    assert score(HEAD + QUESTION, HEAD[: len(HEAD) // 2] + other_half) < 0.5
    assert score(HEAD + QUESTION, (HEAD + QUESTION)[:1000]) < 0.8
