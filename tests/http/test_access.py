"""The rules of access, one by one, without HTTP."""

from __future__ import annotations

import pytest

from semcache.errors import AccessError, Forbidden, RequestError
from semcache.http.access import Credential, Gate, Role, is_local_name

ALL = frozenset(Role)


class Keys:
    """A key file's contents."""

    def __init__(self, **keys: Credential) -> None:
        self._keys = keys
        self.configured = bool(keys)
        self.any_admin = any(Role.ADMIN in key.roles for key in keys.values())

    def find(self, token: str) -> Credential | None:
        return self._keys.get(token)


READER = Credential(id="reader", roles=frozenset({Role.READ}), namespaces=("a", "b"), keyed=True)
BOSS = Credential(id="boss", roles=ALL, namespaces=None, keyed=True)
HOST = {b"host": b"localhost:8080"}


def bearer(key: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + key.encode()}


def test_without_keys_the_data_plane_is_open_to_local_programs() -> None:
    gate = Gate(Keys(), None)
    credential = gate.admit(Role.WRITE, "POST", HOST, "127.0.0.1")
    assert credential.opens("anything")
    assert credential.principal(None) is None
    assert credential.principal("u") == "user:u"


def test_without_keys_a_providers_token_is_ignored() -> None:
    assert Gate(Keys(), None).admit(Role.READ, "POST", {**HOST, **bearer("sk-openai")}, "127.0.0.1").id == "local"


@pytest.mark.parametrize("role", [Role.READ, Role.WRITE, Role.ADMIN])
@pytest.mark.parametrize(
    "headers",
    [
        {b"host": b"evil.example"},
        {b"host": b"localhost.evil.example:8080"},
        {**HOST, b"origin": b"https://evil.example"},
        {**HOST, b"origin": b"null"},
        {**HOST, b"sec-fetch-site": b"cross-site"},
    ],
)
def test_a_web_page_cannot_use_the_keyless_service(role: Role, headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Forbidden):
        Gate(Keys(), None).admit(role, "POST", headers, "127.0.0.1")


def test_a_page_of_this_machine_may() -> None:
    headers = {**HOST, b"origin": b"http://localhost:3000"}
    assert Gate(Keys(), None).admit(Role.READ, "POST", headers, "127.0.0.1")


def test_with_keys_nobody_comes_without() -> None:
    gate = Gate(Keys(k=READER), None)
    with pytest.raises(AccessError) as caught:
        gate.admit(Role.READ, "GET", HOST, "127.0.0.1")
    assert caught.value.status == 401
    with pytest.raises(AccessError):
        gate.admit(Role.READ, "GET", bearer("wrong"), "127.0.0.1")
    assert gate.admit(Role.READ, "GET", bearer("k"), "203.0.113.5") is READER
    assert gate.admit(Role.READ, "GET", {b"x-api-key": b"k"}, None) is READER


def test_x_api_key_comes_before_a_providers_bearer() -> None:
    assert Gate(Keys(k=READER), None).admit(Role.READ, "GET", {**bearer("sk-x"), b"x-api-key": b"k"}, None) is READER


def test_a_key_has_the_roles_that_it_has() -> None:
    gate = Gate(Keys(k=READER, b=BOSS), None)
    for role in (Role.WRITE, Role.ADMIN):
        with pytest.raises(Forbidden, match=role.value):
            gate.admit(role, "POST", bearer("k"), "127.0.0.1")
    assert gate.admit(Role.ADMIN, "POST", bearer("b"), "203.0.113.5") is BOSS


def test_the_admin_key_opens_everything_from_everywhere() -> None:
    gate = Gate(Keys(k=READER), "secret")
    for role in Role:
        assert gate.admit(role, "POST", bearer("secret"), "203.0.113.5").namespaces is None
    with pytest.raises(AccessError):
        gate.admit(Role.ADMIN, "POST", HOST, "127.0.0.1")


def test_without_an_admin_key_the_admin_plane_is_for_loopback() -> None:
    gate = Gate(Keys(k=READER), None)
    assert gate.admit(Role.ADMIN, "POST", HOST, "127.0.0.1").namespaces is None
    assert gate.admit(Role.ADMIN, "POST", HOST, "::1").namespaces is None
    for peer in ("203.0.113.5", None):
        with pytest.raises(Forbidden):
            gate.admit(Role.ADMIN, "POST", HOST, peer)


@pytest.mark.parametrize(
    "name",
    [
        b"x-forwarded-for",
        b"forwarded",
        b"via",
        b"x-forwarded-host",
        b"x-real-ip",
        b"x-forwarded-server",
        b"cf-connecting-ip",
    ],
)
def test_and_not_for_a_proxy_on_loopback(name: bytes) -> None:
    with pytest.raises(Forbidden, match="proxy"):
        Gate(Keys(), None).admit(Role.ADMIN, "POST", {**HOST, name: b"203.0.113.5"}, "127.0.0.1")


def test_where_some_key_is_an_admins_loopback_alone_is_not_enough() -> None:
    with pytest.raises(AccessError):
        Gate(Keys(b=BOSS), None).admit(Role.ADMIN, "POST", HOST, "127.0.0.1")


def test_namespaces_are_chosen_among_those_that_are_open() -> None:
    assert READER.choose(None, None) == "a"
    assert READER.choose(None, "b") == "b"
    assert READER.choose("a", "b") == "a"
    for body, header in (("c", None), (None, "c"), (None, "default")):
        with pytest.raises(Forbidden):
            READER.choose(body, header)
    assert BOSS.choose(None, None) == "default"
    with pytest.raises(RequestError):
        BOSS.choose(None, "a b")


def test_a_user_cannot_be_named_like_another_key() -> None:
    assert READER.principal("boss") != BOSS.principal(None)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST:80", True),
        ("app.localhost", True),
        ("127.0.0.1:8080", True),
        ("127.9.9.9", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.nip.io", False),
        ("", False),
    ],
)
def test_local_names(host: str, local: bool) -> None:
    assert is_local_name(host) is local
