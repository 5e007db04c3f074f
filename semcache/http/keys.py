"""The API keys file: read, checked, and read again when it changes; and how a new key is made.

    [[keys]]
    id = "team-a"                 # shows in logs and histories
    sha256 = "9f86d0..."          # of the key: the file never holds a key itself
    namespaces = ["a", "a-test"]  # the first is the default; ["*"] opens all
    roles = ["read", "write"]     # read, write, admin

A key is 256 random bits, so a plain SHA-256 of it cannot be searched for, and needs neither salt nor stretching.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from semcache.errors import ConfigError
from semcache.http.access import NAMESPACE_PATTERN, Credential, Role

log = logging.getLogger(__name__)

_RECHECK_S: Final = 1.0
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_NAMESPACE = re.compile(NAMESPACE_PATTERN)


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    sha256: str
    namespaces: list[str]
    roles: list[Role]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[_Key]


class NewKey(msgspec.Struct, frozen=True):
    """A fresh key, to be shown once, and the TOML block that goes into the file."""

    key: str
    toml: str


def new_key(key_id: str, *, namespaces: Sequence[str] = ("*",), roles: Sequence[str] = ("read", "write")) -> NewKey:
    """Make a key. Raises ConfigError for an id, a namespace or a role that the file would not accept."""
    key = "sc_" + secrets.token_urlsafe(32)
    digest = hashlib.sha256(key.encode()).hexdigest()
    toml = (
        f"[[keys]]\nid = {_toml(key_id)}\nsha256 = {_toml(digest)}\n"
        f"namespaces = [{', '.join(map(_toml, namespaces))}]\nroles = [{', '.join(map(_toml, roles))}]\n"
    )
    parse(toml, "the new key")
    return NewKey(key, toml)


def parse(text: str, where: str) -> dict[bytes, Credential]:
    """SHA-256 of a key (32 bytes) -> whose it is. Raises ConfigError that says which key is wrong and how."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{where}: {error}") from error
    found: dict[bytes, Credential] = {}
    ids: set[str] = set()
    for number, key in enumerate(file.keys):
        at = f"{where}: keys[{number}]"
        if not key.id or key.id in ids:
            raise ConfigError(f"{at}: id {key.id!r} is empty or given twice")
        if not _HEX.fullmatch(key.sha256):
            raise ConfigError(f"{at} ({key.id}): sha256 has 64 hex digits; `semcache new-key` makes one")
        if not key.namespaces or not key.roles:
            raise ConfigError(f"{at} ({key.id}): needs at least one namespace and one role")
        wrong = [name for name in key.namespaces if name != "*" and not _NAMESPACE.match(name)]
        if wrong:
            raise ConfigError(f"{at} ({key.id}): {wrong[0]!r} is no name of a namespace")
        digest = bytes.fromhex(key.sha256)
        if digest in found:
            raise ConfigError(f"{at} ({key.id}): the same key as {found[digest].id}")
        ids.add(key.id)
        found[digest] = Credential(
            id=key.id,
            roles=frozenset(key.roles),
            namespaces=None if "*" in key.namespaces else tuple(key.namespaces),
            keyed=True,
        )
    return found


class KeyFile:
    """The keys in force. The file is looked at again at most once a second; a broken one leaves the old in force."""

    def __init__(self, path: Path | None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[bytes, Credential] = {}
        self._any_admin = False
        self._edition = object()
        if path is not None:
            try:
                self._seen = self._stamp(path)
                self._load(path)
            except OSError as error:
                raise ConfigError(f"API keys file {path}: {error.strerror}") from error
        self._next = monotonic() + _RECHECK_S

    @property
    def configured(self) -> bool:
        """Whether there is a key file at all."""
        return self._path is not None

    @property
    def edition(self) -> object:
        """Stands for the keys in force: another object once others are."""
        self._refresh()
        return self._edition

    @property
    def any_admin(self) -> bool:
        """Whether some key has the role `admin`."""
        self._refresh()
        return self._any_admin

    def find(self, token: str) -> Credential | None:
        """Whose key this is."""
        self._refresh()
        digest = hashlib.sha256(token.encode("latin-1", "replace")).digest()
        # Constant time: every key is compared to the end. The digest is of the caller's own token, so even the count
        # of keys is all that the time could tell.
        found = None
        for known, credential in self._keys.items():
            if hmac.compare_digest(known, digest):
                found = credential
        return found

    def _refresh(self) -> None:
        if self._path is None or self._monotonic() < self._next:
            return
        self._next = self._monotonic() + _RECHECK_S
        try:
            stamp = self._stamp(self._path)
            if stamp == self._seen:
                return
            self._seen = stamp
            self._load(self._path)
        except (OSError, ConfigError) as error:
            log.error("API keys file cannot be read, the keys read before stay in force: %s", error)
        else:
            log.info("API keys read again: %d keys", len(self._keys))

    def _load(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"API keys file {path}: not UTF-8") from error
        self._keys = parse(text, f"API keys file {path}")
        self._any_admin = any(Role.ADMIN in key.roles for key in self._keys.values())
        self._edition = object()

    @staticmethod
    def _stamp(path: Path) -> tuple[int, int, int]:
        seen = path.stat()
        return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _toml(text: str) -> str:
    return msgspec.json.encode(text).decode()
