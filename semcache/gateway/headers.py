"""Which header fields go to a provider and which come back. Pure; knows no connection and no cache.

Names are lower-case, as ASGI and `ports.UpstreamRequest` have them. Everything passes but:

    hop-by-hop    RFC 9110, section 7.6.1, with the fields that Connection names; each side frames its own messages.
    about a hop   `host`, `expect`, where a proxy in front of us says whom it speaks for; `alt-svc`, which speaks of the
                  provider's own address.
    ours          X-Cache-*, both ways, and the fields that carried a key of this service.
    cookies       A caller's are for this host; a provider's would go to all who share its answer.
    who calls     What a proxy in front of us found out when it let the caller in: its word to this host, not to a
                  provider.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable
from typing import Final, Literal

Headers = list[tuple[bytes, bytes]]
Provider = Literal["openai", "anthropic"]

CREDENTIALS: Final = (
    b"authorization",
    b"x-api-key",
    b"api-key",
    b"x-goog-api-key",
    b"ocp-apim-subscription-key",
    b"x-portkey-api-key",
    b"x-portkey-virtual-key",
    b"helicone-auth",
    b"cf-aig-authorization",
)
"""Fields in which a provider's key comes: OpenAI's, Anthropic's, Azure's, Google's, and those of gateways. Others are
told by their last word (`is_credential`)."""
_SECRETS: Final = frozenset(
    b"key apikey accesskey secretkey token authtoken accesstoken auth authorization authentication secret credential"
    b" credentials jwt bearer password passwd".split()
)
_NO_SECRETS: Final = frozenset(
    b"idempotency-key x-idempotency-key sec-websocket-key cf-aig-cache-key x-csrf-token x-xsrf-token".split()
)
"""Called like a credential, and none: what they name is a request, a copy, a form."""
_AS_JSON: Final = ([b"application/json"], [b"application/json;charset=utf-8"])
_HOP: Final = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_FORWARDED: Final = _HOP | {b"host", b"content-length", b"expect", b"cookie", b"forwarded", b"x-real-ip"}
_NOT_RETURNED: Final = _HOP | {b"alt-svc", b"set-cookie"}
_OURS: Final = b"x-cache-"
_PROXIED: Final = b"x-forwarded-"
_LET_IN: Final = (
    b"cf-access-authenticated-user-",
    b"cf-access-jwt-assertion",
    b"remote-user",
    b"tailscale-user-",
    b"x-amzn-oidc-",
    b"x-anonymous-consumer",
    b"x-auth-request-",
    b"x-authentik-",
    b"x-consumer-",
    b"x-credential-identifier",
    b"x-goog-authenticated-user-",
    b"x-goog-iap-",
    b"x-ms-client-principal",
    b"x-ms-token-",
    b"x-pomerium-",
    b"x-remote-user",
)
"""How the names begin in which a proxy says whom it let in. Some hold a token that is another each time."""
_KEPT_HERE: Final = (_OURS, _PROXIED, *_LET_IN)
_ACCOUNT: Final = frozenset({b"openai-organization", b"openai-project"})
"""What belongs to a caller's own account and means nothing beside another's key; so do credentials."""


def forward(
    headers: Iterable[tuple[bytes, bytes]],
    *,
    drop: Collection[bytes] = (),
    readable: bool = False,
    as_json: bool = False,
) -> Headers:
    """A caller's fields as they go upstream.

    `drop`: names of fields that carried a key of this service. `readable`: the answer is to be read here, so it must
    not be compressed. `as_json`: the body was read here and is plain JSON. The content length is left to whoever sends
    the body.
    """
    headers = list(headers)
    left_out = _NOT_FORWARDED | _named_by_connection(headers) | frozenset(drop)
    if readable:
        left_out |= {b"accept-encoding"}
    called = [value.lower().replace(b" ", b"") for name, value in headers if name == b"content-type"]
    misnamed = as_json and called not in _AS_JSON
    if as_json:
        left_out |= {b"content-encoding"} | ({b"content-type"} if misnamed else frozenset())
    kept = [(name, value) for name, value in headers if name not in left_out and not name.startswith(_KEPT_HERE)]
    if readable:
        kept.append((b"accept-encoding", b"identity"))
    if misnamed:
        kept.append((b"content-type", b"application/json"))
    return kept


def back(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A provider's fields as they come back, their names lower-case; the body's own (length, encoding) stay."""
    lowered = [(name.lower(), value) for name, value in headers]
    left_out = _NOT_RETURNED | _named_by_connection(lowered)
    return [(name, value) for name, value in lowered if name not in left_out and not name.startswith(_OURS)]


def authorize(headers: Iterable[tuple[bytes, bytes]], provider: Provider, api_key: str) -> Headers:
    """The fields with the operator's key in place of whatever key, organisation or project the caller sent."""
    kept = [(name, value) for name, value in headers if name not in _ACCOUNT and not is_credential(name)]
    key = api_key.encode("latin-1")
    kept.append((b"x-api-key", key) if provider == "anthropic" else (b"authorization", b"Bearer " + key))
    return kept


def goes_up(name: bytes) -> bool:
    """Whether a field of this name, lower-case, is sent to providers at all."""
    return name not in _NOT_FORWARDED and not name.startswith(_KEPT_HERE)


@functools.lru_cache(maxsize=1024)
def is_credential(name: bytes) -> bool:
    """Whether a field of this name, lower-case, says who pays: the last of its words tells."""
    if name in _NO_SECRETS:
        return False
    return name in CREDENTIALS or name.replace(b"_", b"-").rpartition(b"-")[2] in _SECRETS


def provider_of(path: str, headers: Iterable[tuple[bytes, bytes]]) -> Provider:
    """Whose protocol a request speaks: Anthropic's clients send `anthropic-version` on every route."""
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return "anthropic"
    return "anthropic" if any(name == b"anthropic-version" for name, _ in headers) else "openai"


def provider_key(headers: Iterable[tuple[bytes, bytes]], *, drop: Collection[bytes] = ()) -> bytes | None:
    """The credential with which a caller asks its provider, None without one; `drop` as in `forward`.

    All fields that a provider may read as a credential count, as it is not told here which one it takes.
    """
    shown = [
        (name, value)
        for name, value in headers
        if is_credential(name) and goes_up(name) and name not in drop and value.strip()
    ]
    shown.sort(key=lambda field: _place(field[0]))  # stable: of one name in their order
    parts = [name + b":" + _without_scheme(value) for name, value in shown]
    return b"\n".join(parts) or None


def _place(name: bytes) -> tuple[int, bytes]:
    """The known ones in the order of the table, then the others by name: the namespaces of before stay theirs."""
    return (CREDENTIALS.index(name), b"") if name in CREDENTIALS else (len(CREDENTIALS), name)


def _without_scheme(value: bytes) -> bytes:
    """A scheme's case makes no other caller."""
    scheme, space, token = value.strip().partition(b" ")
    return scheme.lower() + space + token.strip() if space else scheme


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    values = [value for name, value in headers if name == b"connection"]
    return frozenset(token.strip().lower() for value in values for token in value.split(b","))
