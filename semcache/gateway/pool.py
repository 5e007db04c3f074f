"""The connections to one provider: opened when needed, used again, bounded. Knows HTTP's connections, no protocol.

A proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) is used as any tool would; a loopback address
never goes through one. SSL_CERT_FILE and SSL_CERT_DIR name certificates.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import ipaddress
import re
import ssl
import urllib.request
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from semcache.gateway.connection import Broken, Connection, Silent, Trouble, written
from semcache.settings import is_loopback

KEEPALIVE_S: Final = 55.0
"""How long an idle connection is kept: TLS with a provider takes longer than the gateway's own work, and the load
balancers before providers commonly wait a minute."""
_NEXT_ADDRESS_S: Final = 0.25
"""After so long the next address of a name is tried as well (RFC 8305, section 5)."""
_TIMEOUT: Final = re.compile(rb"timeout\s*=\s*(\d{1,6})", re.IGNORECASE)
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
        self._closed = False
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

    async def at_hand(self) -> Connection | None:
        """A connection that is idle, without waiting for anything; else None. It must be given back."""
        if self._room.locked():
            return None
        connection = self._kept()
        if connection is not None:
            await self._room.acquire()  # at once: it was not locked, and nobody else has run since
        return connection

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
            connection.good_until = asyncio.get_running_loop().time() + _kept_s(connection.headers)
            self._idle.append(connection)
        else:
            connection.abort()
            self._all.discard(connection)

    def close(self) -> None:
        """End all connections; what is being read breaks off, and what is being opened comes to nothing."""
        self._closed = True
        for connection in self._all:
            connection.abort()
        self._all.clear()
        self._idle.clear()

    def _kept(self) -> Connection | None:
        """The connection that was used last; those before it that have ended or grown old are dropped."""
        now = asyncio.get_running_loop().time()
        if self._idle and not (self._idle[0].usable and self._idle[0].good_until > now):
            kept = [one for one in self._idle if one.usable and one.good_until > now]
            for gone in set(self._idle).difference(kept):
                gone.abort()
                self._all.discard(gone)
            self._idle = kept
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.good_until > now and not connection.stale():
                return connection
            connection.abort()
            self._all.discard(connection)
        return None

    async def _open(self) -> Connection:
        made: list[Connection] = []
        kept: Connection | None = None
        try:
            if self._closed:
                raise Refused("it is closed")
            async with asyncio.timeout(self._connect_s):
                opened = await self._reach(self._proxy or self._there, made)
                if self._proxy is not None and self._there.secure:
                    await self._tunnel(opened, self._proxy)
            if self._closed:
                raise Refused("it was closed meanwhile")
            kept = opened
        except TimeoutError as error:
            raise Late("no connection in time") from error
        except (OSError, UnicodeError) as error:  # ssl.SSLError is an OSError; UnicodeError: a name that is none
            raise Refused(str(error) or type(error).__name__) from error
        finally:
            for one in made:  # whoever lost the race, and all of them where nobody waits any more
                if one is not kept:
                    one.abort()
        self._all.add(kept)
        return kept

    async def _reach(self, place: _Place, made: list[Connection]) -> Connection:
        """A connection; `made` has it as well, and all that were begun besides."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(place.host, place.port, type=1, proto=6)

        async def reach(family: int, address: tuple[Any, ...]) -> Connection:
            _, connection = await loop.create_connection(Connection, address[0], address[1], family=family)
            made.append(connection)
            if place.secure:
                await self._secure(connection, place.host)
            return connection

        return await _first([functools.partial(reach, family, address) for family, _, _, _, address in found])

    async def _secure(self, connection: Connection, host: str) -> None:
        """Put TLS above it. Not left to `create_connection`: what lies unsent below TLS is to be seen."""
        assert self._tls is not None
        if connection.transport.is_closing():
            raise ConnectionError("it was closed")
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(connection.transport, connection, self._tls, server_hostname=host)
        except TypeError as error:  # how Python 3.11's own loop fails where TLS within TLS does
            raise ConnectionError("TLS within the proxy's TLS failed") from error
        if transport is None:
            raise ConnectionError("it was closed")
        connection.transport = transport

    async def _tunnel(self, connection: Connection, proxy: _Place) -> None:
        there = b"%b:%d" % (self._there.bare, self._there.port)
        late = asyncio.get_running_loop().time() + self._connect_s
        try:
            request = written("CONNECT", there, there, proxy.sign, b"")
            await connection.ask(request, bodiless=True, deadline=late, silence_s=self._connect_s)
        except (Broken, Silent) as error:
            raise ProxyRefused(str(error)) from error
        if not 200 <= connection.status < 300:
            raise ProxyRefused(f"it answered {connection.status}")
        await self._secure(connection, self._there.host)


async def _first(ways: list[Callable[[], Coroutine[Any, Any, Connection]]]) -> Connection:
    """The first that comes about; each begins once those before it have failed, or after _NEXT_ADDRESS_S.

    The standard library's staggered race may go on, and open connections, after it was cancelled (Python 3.11).
    """
    errors: list[BaseException] = []
    begun: set[asyncio.Task[Connection]] = set()
    left = iter(ways)
    try:
        while True:
            way = next(left, None)
            if way is not None:
                begun.add(asyncio.create_task(way()))
            elif all(one.done() for one in begun):
                raise errors[0] if errors else OSError("its name has no address")
            waiting = [one for one in begun if not one.done()]
            pause = None if way is None else _NEXT_ADDRESS_S
            done, _ = await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                error = one.exception()
                if error is None:
                    return one.result()
                errors.append(error)
    finally:
        for one in begun:
            one.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


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
        if parts.username or parts.password:
            user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
            self.sign.append((b"proxy-authorization", b"Basic " + base64.b64encode(user)))


def _place(url: str) -> _Place:
    return _Place(urlsplit(url))


def _certificates() -> ssl.SSLContext:
    import httpx2  # which reads the same certificates for all who call others here

    context = httpx2.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _kept_s(headers: list[tuple[bytes, bytes]]) -> float:
    """How long a connection is good for after an answer: shorter by a second than its other end says."""
    told = (_TIMEOUT.search(value) for name, value in headers if name == b"keep-alive")
    return min([KEEPALIVE_S, *(float(found[1]) - 1.0 for found in told if found)])


def proxy_for(origin: str) -> str | None:
    """URL of the environment's proxy for an origin; None where it is asked directly."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    known = urllib.request.getproxies()
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    if _excepted(known.get("no", ""), host, parts.port or _PORTS.get(parts.scheme, 0)):
        return None
    proxy = known.get(parts.scheme) or known.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _excepted(listed: str, host: str, port: int) -> bool:
    """Whether NO_PROXY names a host in a form that urllib does not know: `*.domain`, `host:port`, a network."""
    for one in re.split(r"[,\s]+", listed.lower()):
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(one.strip("[]"), strict=False):
                return True
        except ValueError:  # one of them is a name
            name, _, only = one.rpartition(":") if re.search(r"[^:]:\d+$", one) else (one, "", "")
            name = name.removeprefix("*").strip("[].")
            if one == "*" or (name and only in ("", str(port)) and f".{host}".endswith(f".{name}")):
                return True
    return False
