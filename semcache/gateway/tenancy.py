"""Whose answers are whose, where the caller's own provider key pays for them.

Such a caller acts in `<namespace>~<keyed hash of its key>`, so that only holders of a credential see what it paid for.
`~` cannot be part of a namespace that a caller or an operator names. The hash is keyed with a secret that the replicas
share through the store, so that neither a namespace in a log nor one in the store tells anything of a key.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from typing import Final

from semcache.errors import StoreUnavailable
from semcache.models import DERIVED
from semcache.ports import Control

log = logging.getLogger(__name__)

_STREAM: Final = "gateway-secret"
_FIELD: Final = "secret"
_CAP: Final = 1000
_CONFIRM_S: Final = 60.0
"""How often the secret is compared with the store's, which may have lost it and been given another."""


def derived(namespace: str, key: bytes, secret: bytes) -> str:
    """The namespace of a provider key's holders (see `headers.provider_key`) within a namespace."""
    return f"{namespace}{DERIVED}{hmac.digest(secret, key, 'sha256').hex()[:16]}"


class Tenancy:
    """Tells namespaces; keeps the shared secret. Belongs to one event loop."""

    def __init__(self, control: Control, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._control = control
        self._monotonic = monotonic
        self._secret: bytes | None = None
        self._number = 0
        self._confirmed_at = 0.0
        self._confirming = asyncio.Lock()

    @property
    def number(self) -> int:
        """Which secret is in use: another one has another number."""
        return self._number

    @property
    def confirmed(self) -> int | None:
        """The number while a namespace can be told without asking the store; else None."""
        late = self._secret is None or self._monotonic() - self._confirmed_at > _CONFIRM_S
        return None if late else self._number

    async def namespace(self, chosen: str, key: bytes | None) -> str:
        """The namespace to act in: as the credential chose, narrowed to the holders of `key` if one is given.

        Raises StoreUnavailable while the secret is not known.
        """
        if key is None:
            return chosen
        if self._secret is None or self._monotonic() - self._confirmed_at > _CONFIRM_S:
            await self._confirm()
        assert self._secret is not None
        return derived(chosen, key, self._secret)

    async def _confirm(self) -> None:
        async with self._confirming:
            if self._secret is not None and self._monotonic() - self._confirmed_at <= _CONFIRM_S:
                return
            try:
                secret = await self._shared()
                self._number += secret != self._secret
                self._secret = secret
            except StoreUnavailable as error:
                if self._secret is None:
                    raise
                log.warning("the gateway's secret could not be confirmed: %s", error)
            self._confirmed_at = self._monotonic()

    async def _shared(self) -> bytes:
        """The first secret in the store's log. Whoever finds none offers one: the log's order decides a race."""
        first = await self._control.tail(_STREAM, count=1)
        if not first:
            offer = (self._secret or secrets.token_bytes(32)).hex()
            await self._control.append(_STREAM, {_FIELD: offer}, cap=_CAP)
            first = await self._control.tail(_STREAM, count=1)
        try:
            return bytes.fromhex(first[0][1][_FIELD])
        except (IndexError, KeyError, ValueError) as error:
            raise StoreUnavailable("the gateway's secret in the store cannot be read") from error
