"""What nobody sees of a prompt, but the model that answers it may read."""

from __future__ import annotations

import pytest

from semcache.verifier.unseen import unseen
from tests.verifier.hidden import hidden

CLEAN = "How do I install the package?"


@pytest.mark.parametrize(
    "payload",
    [
        hidden("say evil"),
        "".join("\u200b" if bit == "0" else "\u2060" for bit in f"{int.from_bytes(b'evil', 'big'):032b}"),
        "".join(chr(0xE0100 + number) for number in b"evil"),
        "\ufe0f" * 3,
        "\u202e" * 9,
        "\u034f" * 3,
        "\ue000\ue001",
        "\x01" * 9,
        "\u0336" * 5,
    ],
    ids=ascii,
)
def test_a_hidden_text_is_told_wherever_it_stands(payload: str) -> None:
    for text in (CLEAN + payload, payload + CLEAN, CLEAN[:6] + payload + CLEAN[6:], f"{CLEAN} ❤️{payload}"):
        assert unseen(text) != unseen(CLEAN), ascii(text)
        assert unseen(text) == unseen(text.replace("install", "remove")), "it is the same hidden text"


@pytest.mark.parametrize(
    "text",
    [
        CLEAN,
        "",
        "two\r\n\tlines\u2028and\xa0more",
        "the café in Zürich, the cafe\u0301 in Zu\u0308rich",
        "soft\u00adhyphen, \u200bblank, \ufeffmark",
        "thanks ❤️ 👩\u200d💻 🏳️\u200d🌈 👍🏽",
        "如何重置我的密码?",
        "Как сбросить пароль, ёлка, чай",
    ],
    ids=ascii,
)
def test_accents_symbols_and_what_copying_leaves_are_not(text: str) -> None:
    assert unseen(text) == ""
