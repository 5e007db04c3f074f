"""The connections to one provider: opened when needed, used again, bounded. Knows HTTP's connections, no protocol.

A proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) is used as any tool would; a loopback address
never goes through one. SSL_CERT_FILE and SSL_CERT_DIR name certificates.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import ssl
import urllib.request
from asyncio import staggered
from typing import Any, Final, cast
from urllib.parse import SplitResult, unquote, urlsplit

from semcache.gateway.connection import Broken, Connection, Silent, Trouble, written
from semcache.settings import is_loopback

KEEPALIVE_S: Final = 55.0
"""How long an idle connection is kept: TLS with a provider takes longer than the gateway's own work, and the load
balancers before providers commonly wait a minute."""
_NEXT_ADDRESS_S: Final = 0.25
"""After so long the next address of a name is tried as well (RFC 8305, section 5)."""
_PORTS: Final = {"http": 80, "https": 443}


class Busy(Trouble):
    """All connections that there may be are in use."""


class Late(Trouble):
    """No connection came about in time."""


class Refused(Trouble):
    """No connection came about."""


class ProxyRefused(Trouble):
    """The proxy gives none."""


class Pool:
    """Connections to one origin. Belongs to one event loop; made in a thread, as certificates take a moment to read."""

    def __init__(self, origin: str, *, size: int, connect_s: float) -> None:
        """Raises ValueError for an origin or a proxy that cannot be used."""
        self._there = _place(origin)
        self._connect_s = connect_s
        self._room = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        proxy = proxy_for(origin)
        self._proxy = None if proxy is None else _place(proxy)
        secure = self._there.secure or (self._proxy is not None and self._proxy.secure)
        self._tls = _certificates() if secure else None
        self._absolute = b""
        self._sign: list[tuple[bytes, bytes]] = []
        if self._proxy is not None and not self._there.secure:
            self._absolute = b"http://" + self._there.name
            self._sign = self._proxy.sign

    def written(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
        """A request as its bytes on these connections. Raises Unsendable."""
        return written(method, self._absolute + target, self._there.name, [*headers, *self._sign], body)

    async def take(self) -> Connection:
        """A connection, which must be given back. Raises Busy, Late, Refused, ProxyRefused."""
        if self._room.locked():
            try:
                async with asyncio.timeout(self._connect_s):
                    await self._room.acquire()
            except TimeoutError:
                raise Busy("all are in use") from None
        else:
            await self._room.acquire()
        try:
            return self._kept() or await self._open()
        except BaseException:
            self._room.release()
            raise

    def give(self, connection: Connection) -> None:
        """Take a connection back: to be used again if its exchange came to its end, else ended."""
        self._room.release()
        if connection.usable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()
            self._all.discard(connection)

    def close(self) -> None:
        """End all connections; what is being read breaks off."""
        for connection in self._all:
            connection.abort()
        self._all.clear()
        self._idle.clear()

    def _kept(self) -> Connection | None:
        """The connection that was used last; those before it that have ended or grown old are dropped."""
        oldest = asyncio.get_running_loop().time() - KEEPALIVE_S
        if self._idle and not (self._idle[0].usable and self._idle[0].idle_since > oldest):
            kept = [one for one in self._idle if one.usable and one.idle_since > oldest]
            for gone in set(self._idle).difference(kept):
                gone.abort()
                self._all.discard(gone)
            self._idle = kept
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and not connection.stale():
                return connection
            connection.abort()
            self._all.discard(connection)
        return None

    async def _open(self) -> Connection:
        first = self._proxy or self._there
        try:
            async with asyncio.timeout(self._connect_s):
                connection = await self._reach(first)
                self._all.add(connection)
                if self._proxy is not None and self._there.secure:
                    await self._tunnel(connection, self._proxy)
        except TimeoutError as error:
            raise Late("no connection in time") from error
        except (OSError, UnicodeError) as error:  # ssl.SSLError is an OSError; UnicodeError: a name that is none
            raise Refused(str(error) or type(error).__name__) from error
        return connection

    async def _reach(self, place: _Place) -> Connection:
        loop = asyncio.get_running_loop()
        tls = self._tls if place.secure else None
        options: dict[str, Any] = {"ssl": tls, "server_hostname": place.host} if tls else {}
        found = await loop.getaddrinfo(place.host, place.port, type=1, proto=6)

        async def reach(family: int, address: tuple[Any, ...]) -> Connection:
            _, connection = await loop.create_connection(Connection, address[0], address[1], family=family, **options)
            return connection

        ways = [functools.partial(reach, family, address) for family, _, _, _, address in found]
        if len(ways) == 1:
            return await ways[0]()
        first, _, errors = await staggered.staggered_race(ways, _NEXT_ADDRESS_S)
        if first is None:
            raise next(error for error in errors if error is not None)
        return cast(Connection, first)

    async def _tunnel(self, connection: Connection, proxy: _Place) -> None:
        assert self._tls is not None
        try:
            there = b"%b:%d" % (self._there.bare, self._there.port)
            loop = asyncio.get_running_loop()
            request = written("CONNECT", there, there, proxy.sign, b"")
            late = loop.time() + self._connect_s
            await connection.ask(request, bodiless=True, deadline=late, silence_s=self._connect_s)
            if not 200 <= connection.status < 300:
                raise ProxyRefused(f"it answered {connection.status}")
            transport = await loop.start_tls(
                connection.transport, connection, self._tls, server_hostname=self._there.host
            )
            if transport is None:
                raise Broken("it was closed")
            connection.transport = transport
        except BaseException as error:
            connection.abort()
            self._all.discard(connection)
            if isinstance(error, (Broken, Silent)):
                raise ProxyRefused(str(error)) from error
            raise


class _Place:
    """Where to connect to."""

    def __init__(self, parts: SplitResult) -> None:
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{parts.scheme}: is no scheme that can be used here")
        self.secure = parts.scheme == "https"
        self.host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        self.port = parts.port or _PORTS[parts.scheme]
        self.bare = f"[{self.host}]".encode() if ":" in self.host else self.host.encode()
        self.name = self.bare if self.port == _PORTS[parts.scheme] else b"%b:%d" % (self.bare, self.port)
        """As the Host field has it."""
        self.sign: list[tuple[bytes, bytes]] = []
        """The field by which a proxy lets us in."""
        if parts.username:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self.sign.append((b"proxy-authorization", b"Basic " + base64.b64encode(user)))


def _place(url: str) -> _Place:
    return _Place(urlsplit(url))


def _certificates() -> ssl.SSLContext:
    import httpx2  # which reads the same certificates for all who call others here

    context = httpx2.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def proxy_for(origin: str) -> str | None:
    """URL of the environment's proxy for an origin; None where it is asked directly."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    known = urllib.request.getproxies()
    proxy = known.get(parts.scheme) or known.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
