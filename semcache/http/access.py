"""Who may do what: pure decisions over a credential, a role and a namespace. The key file is read in `keys.py`.

The rules, in order:

1. A presented key (`X-API-Key`, else `Authorization: Bearer`) that is the ADMIN_KEY opens everything; one of the key
   file opens its namespaces in its roles, and nothing else, wherever it comes from.
2. With API keys configured, a call to the data plane without a known key is refused.
3. Without API keys the service is bound to loopback and its data plane is open. A bearer token that nobody asked for
   is ignored there: clients send one for the model's provider.
4. The admin plane opens to the ADMIN_KEY and to keys with the role `admin`. Only where there is neither, it opens to
   a peer on loopback that no proxy stands behind.
5. Whoever comes without a key must be a local program, not a web page in a local browser: the Host is a loopback
   name (else DNS was rebound) and a call that changes anything is not made by another site.
"""

from __future__ import annotations

import functools
import hmac
import ipaddress
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from semcache.errors import AccessError, Forbidden, RequestError
from semcache.models import DERIVED
from semcache.settings import is_loopback

NAMESPACE_PATTERN: Final = r"^[A-Za-z0-9_.:@+/-]{1,128}$(?!\n)"
_NAMESPACE = re.compile(NAMESPACE_PATTERN)
_FORWARDING: Final = (b"forwarded", b"via", b"x-forwarded", b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-")
"""How the names of headers begin that only a proxy sets."""
DEFAULT_NAMESPACE: Final = "default"


class Role(StrEnum):
    """What a key may do."""

    READ = "read"
    """Look up, read entries and statistics."""
    WRITE = "write"
    """Store, delete an entry, give feedback."""
    ADMIN = "admin"
    """The admin plane, within the key's namespaces."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls. `namespaces` is None where all are open; otherwise in the key file's order, the default first."""

    id: str
    roles: frozenset[Role]
    namespaces: tuple[str, ...] | None = None
    keyed: bool = False
    """Whether an API key of the file proved it: then its id stands in for a missing `user`."""

    def opens(self, namespace: str) -> bool:
        """Whether a namespace is open to it. One that belongs to a provider's key (`<namespace>~<hash>`) is open to
        admins; whoever shows that very key is let in by `http.data`.
        """
        base, _, paid_by = namespace.partition(DERIVED)
        if paid_by and Role.ADMIN not in self.roles:
            return False
        return self.namespaces is None or base in self.namespaces

    def sees(self, owner: str | None) -> bool:
        """Whether an entry may be opened by its id: a key's own personal answers are for that key, and for admins.

        Those of a named `user` are for the application that names its users, like a lookup for that user.
        """
        others = owner is not None and owner.startswith("key:") and owner != self.principal(None)
        return not others or Role.ADMIN in self.roles

    @property
    def default_namespace(self) -> str:
        """The namespace of a call that names none."""
        return self.namespaces[0] if self.namespaces else DEFAULT_NAMESPACE

    def choose(self, body: str | None, header: str | None) -> str:
        """The namespace to act in: the body's, else the header's, else the default. Raises Forbidden."""
        if body is None and header is not None and not _NAMESPACE.match(header):
            raise RequestError(
                "a namespace has 1 to 128 letters, digits or any of `_.:@+/-`", field="X-Cache-Namespace"
            )
        chosen = body if body is not None else header if header is not None else self.default_namespace
        if not self.opens(chosen):
            raise Forbidden(f"this key does not open namespace `{chosen}`")
        return chosen

    def principal(self, user: str | None) -> str | None:
        """Who a personalised answer belongs to. The two kinds never meet, whatever a caller calls its user."""
        if user is not None:
            return f"user:{user}"
        return f"key:{self.id}" if self.keyed else None


class Keys(Protocol):
    """The key file, as far as a decision needs it."""

    @property
    def configured(self) -> bool:
        """Whether API keys are in use at all."""

    @property
    def any_admin(self) -> bool:
        """Whether some key has the role `admin`."""

    def find(self, token: str) -> Credential | None:
        """Whose key this is."""


class Gate:
    """Tells who calls and whether the role is theirs."""

    def __init__(self, keys: Keys, admin_key: str | None) -> None:
        self._keys = keys
        self._admin_key = admin_key.encode() if admin_key else None

    def admit(self, role: Role, method: str, headers: dict[bytes, bytes], peer: str | None) -> Credential:
        """The caller's credential, if it has the role. Raises AccessError or Forbidden, saying what is missing."""
        token = _token(headers)
        if token is not None:
            credential = self._known(token)
            if credential is not None:
                if role not in credential.roles:
                    raise Forbidden(f"this key lacks the role `{role.value}`")
                return credential
            if self._keys.configured:
                raise AccessError("this API key is not known")
        if role is not Role.ADMIN:
            if self._keys.configured:
                raise AccessError("an API key is needed: send `Authorization: Bearer <key>` or `X-API-Key: <key>`")
            _refuse_web_pages(method, headers)
            return _LOCAL
        if self._admin_key is not None or self._keys.any_admin:
            raise AccessError("the admin plane needs the admin key, or an API key with the role `admin`")
        if peer is None or not is_loopback(peer):
            raise Forbidden("without an admin key the admin plane is open from loopback only: set SEMCACHE_ADMIN_KEY")
        if any(name.startswith(_FORWARDING) for name in headers):
            raise Forbidden("without an admin key the admin plane is closed behind a proxy: set SEMCACHE_ADMIN_KEY")
        _refuse_web_pages(method, headers)
        return _LOCAL_ADMIN

    def admit_beside(self, role: Role, method: str, headers: dict[bytes, bytes]) -> tuple[Credential, frozenset[bytes]]:
        """As `admit`, where a provider's key may come beside ours, or in its place.

        Returns the names of the headers that carried a key of ours, too: these go no further.
        """
        known = self._all_known(headers)
        if not known:
            if self._keys.configured:
                raise AccessError(
                    "an API key of this service is needed: send it as `X-API-Key`, or as `Authorization: Bearer` "
                    "where the provider's key comes as `X-API-Key`"
                )
            _refuse_web_pages(method, headers)
            return _LOCAL, frozenset()
        credential = next(iter(known.values()))
        if role not in credential.roles:
            raise Forbidden(f"this key lacks the role `{role.value}`")
        return credential, frozenset(known)

    def ours(self, headers: dict[bytes, bytes]) -> frozenset[bytes]:
        """Names of the headers that carry a key of this service."""
        return frozenset(self._all_known(headers))

    def _all_known(self, headers: dict[bytes, bytes]) -> dict[bytes, Credential]:
        found = ((name, self._known(token)) for name, token in _tokens(headers))
        return {name: credential for name, credential in found if credential is not None}

    def _known(self, token: str) -> Credential | None:
        raw = token.encode("latin-1", "replace")
        if self._admin_key is not None and hmac.compare_digest(raw, self._admin_key):
            return _ADMIN
        return self._keys.find(token)


_ADMIN: Final = Credential(id="admin", roles=frozenset(Role))
_LOCAL: Final = Credential(id="local", roles=frozenset({Role.READ, Role.WRITE}))
_LOCAL_ADMIN: Final = Credential(id="local", roles=frozenset(Role))


def _token(headers: dict[bytes, bytes]) -> str | None:
    """X-API-Key first."""
    for _, token in _tokens(headers):
        return token or None
    return None


def _tokens(headers: dict[bytes, bytes]) -> Iterator[tuple[bytes, str]]:
    """The keys of a request, each with the name of its header: of a header that was given twice all, then each."""
    key = headers.get(b"x-api-key")
    if key is not None:
        for one in _apart(key):
            yield b"x-api-key", one.decode("latin-1")
    bearer = headers.get(b"authorization")
    if bearer is not None and bearer[:7].lower() == b"bearer ":
        for one in _apart(bearer):
            yield b"authorization", (one[7:].strip() if one[:7].lower() == b"bearer " else one).decode("latin-1")


def _apart(value: bytes) -> Iterator[bytes]:
    yield value.strip()
    if b"," in value:
        yield from (part.strip() for part in value.split(b","))


def _refuse_web_pages(method: str, headers: dict[bytes, bytes]) -> None:
    host = headers.get(b"host")
    if host is not None and not is_local_name(host.decode("latin-1")):
        raise Forbidden("without API keys the service answers only to a loopback name, such as 127.0.0.1 or localhost")
    if method in ("GET", "HEAD"):
        return
    origin = headers.get(b"origin")
    if origin is not None and not is_local_name(urlsplit(origin.decode("latin-1")).netloc):
        raise Forbidden("without API keys a web page of another site may not call this service")
    if headers.get(b"sec-fetch-site") == b"cross-site":
        raise Forbidden("without API keys a web page of another site may not call this service")


@functools.lru_cache(maxsize=256)
def is_local_name(host: str) -> bool:
    """Whether a Host header, port included or not, names this machine by a loopback name or address."""
    name = _without_port(host).lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
