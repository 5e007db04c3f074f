"""Refusals in prose: what is one by its opening words, and above all what is not."""

from __future__ import annotations

import pytest

from semcache.policy.refusals import LONGEST, sounds_like_refusal
from tests import evaldata
from tests.yardstick import units

REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, but I can’t assist with that request.",
    "I'm sorry, but I cannot help you with that. If you have any other questions, feel free to ask!",
    "Sorry, I can't help with that.",
    "I'm sorry. I can't help with that.",
    "I can't help with that request.",
    "I cannot comply with this request.",
    "I'm unable to assist with that request.",
    "I am not able to fulfill your request, as it involves illegal activity.",
    "I won't be able to help. I can't do that.\nI will not assist with this.",
    "I apologize, but I cannot provide instructions for making weapons.",
    "I apologize, but I do not feel comfortable creating that kind of content.",
    "I can't provide medical advice. Please consult a doctor.",
    "I'm not able to provide legal advice.",
    "As an AI language model, I cannot provide personal opinions on political figures.",
    "As an AI language model developed by a lab, I can't engage in that.",
    "As a responsible assistant, I will not help with hacking into accounts.",
    "I understand you're frustrated, but I can't help you stalk someone.",
    "While I understand your curiosity, I can't assist with picking that lock.",
    "Unfortunately, I can't share that information about private persons.",
    "I must respectfully decline to answer.",
    "I have to decline this request.",
    "I'd rather not discuss that.",
    "That's not something I can help with.",
    "I cannot generate hate speech.",
    "I won't create content that demeans people.",
    "I'm sorry, but I can't write malware.",
    "Sorry, I can't provide keygens for that program.",
    "I'm really sorry you're feeling this way, but I'm unable to provide the help that you need.",
    "I'm just a language model, so I can't help you with that.",
    "My guidelines prevent me from answering.",
    "I'm sorry, but I prefer not to continue this conversation.",
    "I'm sorry, but that request violates our content policy.",
    "I can't do that.",
    "I'm sorry, I can't.",
    "I'm not comfortable writing that.",
    "I can't create explicit content, but I can write a romantic scene if you like.",
    "I can't help with that. Instead, I can suggest some safe alternatives.",
    "**I'm sorry**, but I can't help with that."[2:],
    "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
    "Tut mir leid, ich kann diese Anfrage nicht beantworten.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Lo siento, pero no puedo ayudar con eso.",
    "很抱歉，我无法提供这方面的信息。",
    "抱歉，我不能帮助你完成这个请求。",
]

ANSWERS = [
    "",
    "   ",
    "Paris.",
    "Sorry for the delay, here is the summary you asked for.",
    "I'm sorry to hear that you are unwell. Rest, and drink a lot.",
    "I'm sorry for your loss. Grief takes time, and it helps to talk to friends.",
    "I apologize for the confusion. The correct answer is 42.",
    "Apologies for the mistake! The capital of Australia is Canberra.",
    "You're right, I'm sorry. The sum is 12.",
    "You cannot divide by zero.",
    "I can't wait to see it!",
    "I can't help but admire the proof: it is four lines long.",
    "I can't help thinking of the sea.",
    "I cannot tell from the text who wrote it.",
    "I don't know.",
    "I do not have access to real-time data.",
    "I can't give an exact figure, but it is about 8 million.",
    "I can't give medical advice, but the usual adult dose is 200 mg every six hours.",
    "I can't provide legal advice, however the limitation period is three years in most states.",
    "I can't write malware, but here is how scanners find it: by signatures and by behaviour.",
    "I'm sorry that the bus was late. I'd write to the operator.",
    "I'm a teapot.",
    "I can't stress this enough: back up first.",
    "I cannot find the invoice number in the document.",
    "I can't see a bug in lines 1 to 10; the loop is right.",
    "Unfortunately, the server does not support that request.",
    "Unfortunately, no: the museum is closed on Mondays.",
    "The function cannot help with that because it never returns.",
    'She said: "I cannot help you with that."',
    "To say 'I can't help with that' in French: Je ne peux pas vous aider.",
    "Dear customer, I am sorry, but I cannot help you with that order until Monday.",
    "No, I will not be there tomorrow.",
    "def refuse():\n    return \"I'm sorry, I can't help with that.\"",
    "Leider regnet es morgen. Nimm einen Schirm mit.",
    "Es tut mir leid, das zu hören. Gute Besserung!",
    "Lo siento mucho. ¿Cómo estás?",
    "抱歉让您久等了。答案是42。",
    "Sure! I'm sorry that took long. 1. Preheat the oven. 2. Mix.",
    "I understand. Let's start with the first step: open the settings.",
    "I don't think that it does.",
    "I won't go into detail: the answer is yes.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal(text: str) -> None:
    assert sounds_like_refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer(text: str) -> None:
    assert not sounds_like_refusal(text)


def test_what_goes_on_is_an_answer() -> None:
    assert sounds_like_refusal("I'm sorry, but I can't assist with that." + " Really." * 40)
    assert not sounds_like_refusal("I'm sorry, but I can't assist with that." + " A fact." * LONGEST)


@pytest.mark.parametrize(
    "part", ["i ", "i can't ", "sorry, ", "i understand ", "i'm not able to provide ", "as an ai "]
)
def test_time_is_bounded_whatever_it_says(part: str) -> None:
    text = part * (LONGEST // len(part))
    assert units(lambda: sounds_like_refusal(text)) < 10


@pytest.mark.parametrize("name", ["banking77_class", "clinc150_class", "llm_prompts"])
def test_what_people_write_of_themselves_is_hardly_ever_taken_for_one(name: str) -> None:
    texts = evaldata.texts(name)
    assert sum(sounds_like_refusal(text) for text in texts) <= 0.0005 * len(texts)
