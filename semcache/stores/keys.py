"""Names of everything that the store keeps: one hash tag a shard (`{s07}`), one for the control plane (`{ctl}`).

    <prefix>:{s07}:e:<entry id>     HASH    the record (see `codec`), always with a TTL
    <prefix>:{s07}:p:<norm digest>  STRING  pointer: entry id, same TTL
    <prefix>:{s07}:use              ZSET    entry id -> recency (LRU) or frequency (LFU); also the list of entries
    <prefix>:{s07}:g:<group>        SET     entry ids of a (namespace, model, version); `groups` HASH names the groups
    <prefix>:{s07}:t:<tag>          SET     entry ids of a (namespace, tag); `tags` SET lists the tags
    <prefix>:{s07}:epochs           HASH    namespace -> invalidation epoch
    <prefix>:{s07}:fences           HASH    scope -> sequence at which it was raised; `#` counter, `#floor` oldest kept
    <prefix>:{s07}:r:<hash>         HASH    a caller's rate of a route class, always with a TTL
    <prefix>:{s07}:log / :seq       STREAM  the change log, and its counter
    <prefix>:{s07}:f:<entry id>     HASH    the last flight's fencing token and lease, with a TTL (see `flight_board`)
    <prefix>:{s07}:f:<entry id>:<token>  HASH  that flight's frames, with a TTL
    <prefix>:{ctl}:...                      meta, named hashes, streams, leases

Scripts are given a shard's base (`<prefix>:{s07}:`) and build the rest: all of it hashes to the one slot.
Group and tag names are hashed to 16 bytes, so that no text of a caller becomes part of a key.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from semcache.errors import RequestError
from semcache.models import SHARDS, Entry, base_namespace, shard_of
from semcache.ports import Selector

NAME_BYTES: Final = 16
"""Length of a hashed group or tag name."""
VETO_BYTES: Final = 16
"""How much of an asker's norm digest names its veto."""


class Keys:
    """Key names under one prefix."""

    def __init__(self, prefix: str) -> None:
        self.bases: Final = tuple(f"{prefix}:{{s{shard:02d}}}:".encode() for shard in range(SHARDS))
        self.control: Final = f"{prefix}:{{ctl}}:".encode()


def shard_named(entry_id: str) -> int:
    """`models.shard_of` for ids that come from outside. Raises RequestError for text that is no entry id."""
    try:
        return shard_of(entry_id)
    except ValueError as error:
        raise RequestError(str(error), field="entry_id") from error


def group_name(namespace: str, model: str, model_version: str) -> bytes:
    """What the `groups` hash keeps beside a group's hash: JSON of [namespace, model, version]."""
    return msgspec.json.encode([namespace, model, model_version])


def group_hash(name: bytes) -> bytes:
    """16 bytes that stand for a group name."""
    return sha256(b"group\0" + name).digest()[:NAME_BYTES]


def tag_hash(namespace: str, tag: str) -> bytes:
    """16 bytes that stand for a tag of a namespace."""
    return sha256(b"tag\0" + msgspec.json.encode([namespace, tag])).digest()[:NAME_BYTES]


def veto_field(asker: bytes) -> bytes:
    """Record field that vetoes the entry for a normalised digest."""
    return b"w:" + asker[:VETO_BYTES]


def vector_field(space: str) -> str:
    """Record field of the vectors in a space."""
    return f"v:{space}"


def _head(namespace: str | None) -> str:
    return "a\0" if namespace is None else f"n{namespace}\0"


def fences_of(namespace: str, model: str, model_version: str, entry_id: str, tags: tuple[str, ...]) -> list[str]:
    """Every fence scope that concerns an entry: of its namespace, of the one that this is derived from, of all."""
    scopes = []
    for head in dict.fromkeys((_head(namespace), _head(base_namespace(namespace)), _head(None))):
        scopes += [f"{head}*", f"{head}m:{model}", f"{head}v:{model}\0{model_version}", f"{head}e:{entry_id}"]
        scopes += [f"{head}t:{tag}" for tag in tags]
    return scopes


def scopes_of(selector: Selector) -> list[str]:
    """The narrowest fence scopes that cover a selector: wider than it at times, never narrower."""
    head = _head(selector.namespace)
    if selector.entry_ids:
        return [f"{head}e:{entry_id}" for entry_id in selector.entry_ids]
    if selector.tags:  # all of them must hold, so the first alone covers the selector
        return [f"{head}t:{selector.tags[0]}"]
    if selector.model is not None and selector.model_version is not None:
        return [f"{head}v:{selector.model}\0{selector.model_version}"]
    if selector.model is not None:
        return [f"{head}m:{selector.model}"]
    return [f"{head}*"]


def set_hashes(entry: Entry) -> bytes:
    """Hashes of all sets that list an entry, group first, joined."""
    group = group_hash(group_name(entry.namespace, entry.model, entry.model_version))
    return b"".join([group, *(tag_hash(entry.namespace, tag) for tag in dict.fromkeys(entry.tags))])
