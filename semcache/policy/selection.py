"""What an invalidation is about: is the selector sound, and is this entry concerned?

All given parts of a selector must hold. `namespace`, `model`, `model_version`, `tags`, `entry_ids` say which entry;
`older_than_s` is its age since it was last stored; `prefix`, `contains` and `pattern` are on the text of its prompt,
to the letter (case counts). `similar_to` needs vectors and is judged by the caller, with `policy.similarity`.

Pure: no clock, no randomness, no I/O; the pattern arrives as a compiled search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from semcache.errors import RequestError
from semcache.models import Entry, base_namespace, shard_of
from semcache.ports import Selector

SELECTORS: Final = (
    "namespace",
    "model",
    "model_version",
    "tags",
    "older_than_s",
    "prefix",
    "contains",
    "pattern",
    "similar_to",
    "entry_ids",
    "all",
)
"""The fields of which at least one must be given."""
PATTERN_CHARS: Final = 1000

Search = Callable[[str], bool]
"""Whether a pattern occurs in a text."""


def check_selector(selector: Selector) -> None:
    """Raise RequestError, naming the field, where a selector says nothing, too much, or what cannot be."""
    given = [name for name in SELECTORS if _given(selector, name)]
    if not given:
        raise RequestError(f"at least one selector is needed: {', '.join(SELECTORS)}")
    if selector.all and set(given) - {"all", "namespace"}:
        raise RequestError("`all` goes with no other selector than `namespace`", field="all")
    if selector.threshold is not None:
        if selector.similar_to is None:
            raise RequestError("`threshold` goes only with `similar_to`", field="threshold")
        if not 0.0 <= selector.threshold <= 1.0:
            raise RequestError("must be between 0 and 1", field="threshold")
    if selector.older_than_s is not None and not selector.older_than_s >= 0:
        raise RequestError("must not be negative", field="older_than_s")
    for name in ("prefix", "contains", "pattern", "similar_to"):
        if getattr(selector, name) == "":
            raise RequestError("must not be empty", field=name)
    if selector.pattern is not None and len(selector.pattern) > PATTERN_CHARS:
        raise RequestError(f"must have at most {PATTERN_CHARS} characters", field="pattern")
    for at, entry_id in enumerate(selector.entry_ids):
        try:
            shard_of(entry_id)
        except ValueError as error:
            raise RequestError(str(error), field=f"entry_ids[{at}]") from error


def takes_whole_namespaces(selector: Selector) -> bool:
    """Whether the selector names everything in its namespaces, so that an epoch can say it."""
    return selector.all or not any(_given(selector, name) for name in SELECTORS if name not in ("namespace", "all"))


def concerns(selector: Selector, entry: Entry, *, now_ms: int, search: Search | None = None) -> bool:
    """Whether a selector is about an entry, but for `similar_to`.

    `now_ms` is the moment from which `older_than_s` counts back, by the store's clock; `search` is the selector's
    pattern, which must be given where it has one.
    """
    if selector.namespace is not None and selector.namespace not in (entry.namespace, base_namespace(entry.namespace)):
        return False
    if selector.model is not None and entry.model != selector.model:
        return False
    if selector.model_version is not None and entry.model_version != selector.model_version:
        return False
    if selector.tags and not set(selector.tags) <= set(entry.tags):
        return False
    if selector.entry_ids and entry.entry_id not in selector.entry_ids:
        return False
    if selector.older_than_s is not None and now_ms - entry.created_ms < selector.older_than_s * 1000:
        return False
    if selector.prefix is not None and not entry.prompt.startswith(selector.prefix):
        return False
    if selector.contains is not None and selector.contains not in entry.prompt:
        return False
    if selector.pattern is not None:
        if search is None:
            raise ValueError("a selector with a pattern needs its compiled search")
        return search(entry.prompt)
    return True


def _given(selector: Selector, name: str) -> bool:
    value = getattr(selector, name)
    return value is not None and value is not False and value != ()  # 0.0 is an age, not an absence
