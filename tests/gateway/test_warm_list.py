"""Warm lists: what a line may be, and what is said of one that is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semcache.errors import Forbidden, RequestError, TooLarge
from semcache.gateway import warm_list
from semcache.gateway.warm_list import WarmItem, numbered, read_items, read_lines


def named(name: str | None) -> str:
    if name == "closed":
        raise Forbidden("this key does not open namespace `closed`")
    return name or "default"


def read(text: str, model: str | None = None, longest: int = 1000) -> list[WarmItem]:
    return read_lines(numbered(text.encode().splitlines()), model=model, namespace=named, longest=longest)


def chat(prompt: str, model: str = "m") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}]}


def test_every_kind_of_line() -> None:
    bare = {**chat("bare"), "temperature": 0}
    items = read(
        "\n".join(
            [
                "# a comment",
                json.dumps({"route": "/v1/messages", "body": {"model": "c", "max_tokens": 5, "messages": []}}),
                "",
                json.dumps(bare),
                json.dumps({"prompt": "Why?", "model": "x", "namespace": "a", "tags": ["t"], "ttl_s": 60}),
                json.dumps({"prompt": "Which model?"}),
                "Plain text, Ünïcode",
                json.dumps({"route": "/v1/embeddings", "body": {"input": "text"}}),
            ]
        ),
        model="m",
    )
    assert [item.line for item in items] == [2, 4, 5, 6, 7, 8]
    assert [item.route for item in items] == [
        "/v1/messages", *["/v1/chat/completions"] * 4, "/v1/embeddings",
    ]  # fmt: skip
    bodies = [json.loads(item.body) for item in items]
    assert bodies == [
        {"model": "c", "max_tokens": 5, "messages": []},
        bare,
        chat("Why?", "x"),
        chat("Which model?"),
        chat("Plain text, Ünïcode"),
        {"model": "m", "input": "text"},
    ]
    assert (items[2].namespace, items[2].tags, items[2].ttl_s) == ("a", ("t",), 60)
    assert (items[1].namespace, items[1].tags, items[1].ttl_s) == ("default", (), None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"prompt": "x"}', "`model` is needed"),
        ("plain", "`model` is needed"),
        ('{"prompt": ""}', "length >= 1"),
        ('{"prompt": "x", "model": "m", "ttl": 5}', "unknown field `ttl`"),
        ('{"prompt": "x", "model": "m", "namespace": "closed"}', "does not open"),
        ('{"route": "/v1/files", "body": {}}', "`route` is one of"),
        ('{"route": "/v1/messages"}', "missing required field `body`"),
        ('{"model": "m"}', "give `prompt`"),
        ('{"model": 5, "messages": []}', "`model` is needed"),
        ('{"prompt": "x"', "truncated"),
        ("{" * 2000, "longer than 1000"),
    ],
)
def test_a_wrong_line_is_named(line: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        read(f'# first\n{{"prompt": "fine", "model": "m"}}\n{line}')
    assert str(caught.value).startswith("line 3: ")
    assert said in str(caught.value)
    assert caught.value.field == "line 3"


def test_many_wrong_lines_are_told_at_once_and_not_all() -> None:
    with pytest.raises(RequestError) as caught:
        read("\n".join(["{}"] * 25))
    assert str(caught.value).count("line ") == 10
    assert str(caught.value).endswith("and 15 more")


def test_what_is_no_utf8() -> None:
    with pytest.raises(RequestError, match="line 1: not UTF-8"):
        read_lines([(1, b"\xff\xfe")], model="m", namespace=named, longest=100)


def test_items_of_a_json_body_are_read_alike() -> None:
    items = read_items([b'"Why?"', json.dumps(chat("bare")).encode()], model="m", namespace=named, longest=1000)
    assert [json.loads(item.body) for item in items] == [chat("Why?"), chat("bare")]
    for wrong in (b"5", b"null", b'""', b"[]"):
        with pytest.raises(RequestError, match="item 1: neither"):
            read_items([wrong], model="m", namespace=named, longest=1000)


def test_a_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_list, "MOST_ITEMS", 3)
    assert len(read("a\nb\nc", model="m")) == 3
    with pytest.raises(TooLarge, match="at most 3 items"):
        read("a\nb\nc\nd", model="m")
    monkeypatch.setattr(warm_list, "MOST_BYTES", 100)
    with pytest.raises(TooLarge, match="100 bytes"):
        read("a\nb\nc", model="m")
