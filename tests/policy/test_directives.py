"""What callers ask of the cache in header fields: the grammar of RFC 9111, and our own fields."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.errors import RequestError
from semcache.models import Strategy
from semcache.policy.directives import LONGEST_TAG, MOST_TAGS, NONE, Directives, directives, read
from tests.yardstick import units


def control(value: str) -> Directives:
    return read({b"cache-control": value.encode("latin-1")})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", NONE),
        ("no-cache", Directives(no_cache=True)),
        ("No-Cache", Directives(no_cache=True)),
        ("no-store", Directives(no_store=True)),
        ("only-if-cached", Directives(only_if_cached=True)),
        ("max-age=60", Directives(max_age_s=60)),
        ('MAX-AGE="60"', Directives(max_age_s=60)),
        ("max-age=0", Directives(no_cache=True, max_age_s=0)),
        ("stale-if-error=600", Directives(stale_if_error_s=600)),
        ("stale-while-revalidate=30", Directives(stale_while_revalidate_s=30)),
        ("no-store, max-age=5", Directives(no_store=True, max_age_s=5)),
        ("\tno-cache ,, ,max-age=7 ,", Directives(no_cache=True, max_age_s=7)),
        ("max-age=30, max-age=10, max-age=20", Directives(max_age_s=10)),
        ("max-age=99999999999999999999", Directives(max_age_s=2**31)),
        ('no-cache="Set-Cookie, x", only-if-cached', Directives(no_cache=True, only_if_cached=True)),
        ('private="no-store, no-cache"', NONE),
        (r'extension="a\"b, no-store", max-age=3', Directives(max_age_s=3)),
        ("max-stale=60, min-fresh=3, no-transform, community=UCI", NONE),
    ],
)
def test_cache_control(value: str, expected: Directives) -> None:
    assert control(value) == expected


@pytest.mark.parametrize(
    "malformed",
    [
        "max-age",
        "max-age=",
        "max-age=-1",
        "max-age=1.5",
        "max-age=1s",
        "max-age = 60",
        "max-age=6 0",
        'max-age="60',
        "max-age='60'",
        "max-age=²",
        "stale-if-error",
        "stale-if-error=soon",
        "no cache",
        "=no-cache",
        "(no-cache)",
        '"no-cache"',
        "no-store=\x01",
    ],
)
def test_what_is_malformed_is_ignored_and_loses_nothing_else(malformed: str) -> None:
    assert control(malformed) == NONE
    assert control(f"only-if-cached, {malformed}").only_if_cached
    if malformed.count('"') % 2 == 0:  # an open quoted string reaches to the end
        assert control(f"{malformed}, only-if-cached") == Directives(only_if_cached=True)


def test_our_own_fields() -> None:
    asked = read(
        {
            b"x-cache-ttl": b" 90.5 ",
            b"x-cache-threshold": b"0.95",
            b"x-cache-strategy": b"Normalized",
            b"x-cache-context": b"Exact",
            b"x-cache-tags": "prices, doc:17,,  Preisliste-ü ,prices".encode(),
            b"x-cache-namespace": b"team/a",
            b"cache-control": b"max-age=10",
            b"authorization": b"Bearer x",
        }
    )
    assert asked == Directives(
        ttl_s=90.5,
        threshold=0.95,
        strategy=Strategy.NORMALIZED,
        context="exact",
        tags=("prices", "doc:17", "Preisliste-ü"),
        namespace="team/a",
        max_age_s=10,
    )
    assert read({}) is NONE
    assert read({b"x-cache-ttl": b"0"}) == Directives(ttl_s=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name, values in {
            "X-Cache-TTL": ["", "-1", "1e3", "soon", "inf", "nan", "1,2", "99999999999", "0x10", "٣"],
            "X-Cache-Threshold": ["", "1.01", "-0.1", "nan", "2", "0.9.1", "1e-1", "high"],
            "X-Cache-Strategy": ["", "fuzzy", "exact, semantic"],
            "X-Cache-Context": ["", "loose", "exact, exact"],
            "X-Cache-Tags": ["a" * (LONGEST_TAG + 1), ",".join(f"t{n}" for n in range(MOST_TAGS + 1))],
        }.items()
        for value in values
    ],
)
def test_a_value_of_ours_that_means_nothing_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(RequestError) as error:
        read({name.lower().encode(): value.encode()})
    assert error.value.field == name


def test_tags_up_to_the_bound() -> None:
    assert read({b"x-cache-tags": b""}).tags == ()
    assert len(read({b"x-cache-tags": ",".join(f"t{n}" for n in range(MOST_TAGS)).encode()}).tags) == MOST_TAGS
    assert read({b"x-cache-tags": ("ü" * LONGEST_TAG).encode()}).tags == ("ü" * LONGEST_TAG,)
    with pytest.raises(RequestError):
        read({b"x-cache-tags": b"\xff"})


TOKEN = st.text("abcXYZ019!#$%&'*+.^_`|~-", min_size=1, max_size=8)
QUOTABLE = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=8)
ARGUMENT = st.one_of(st.none(), st.tuples(st.just("token"), TOKEN), st.tuples(st.just("quoted"), QUOTABLE))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TOKEN, ARGUMENT), max_size=6), st.sampled_from([",", ", ", " ,\t", ",,"]))
def test_every_well_formed_list_is_read_as_it_was_written(
    elements: list[tuple[str, tuple[str, str] | None]], comma: str
) -> None:
    written = comma.join(
        name if argument is None else f"{name}={argument[1] if argument[0] == 'token' else _quoted(argument[1])}"
        for name, argument in elements
    )
    found = list(directives(written.encode("latin-1")))
    assert found == [(name.lower(), None if argument is None else argument[1]) for name, argument in elements]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_break_it(value: bytes) -> None:
    read({b"cache-control": value})
    for name, argument in directives(value):
        assert name == name.lower()
        assert argument is None or isinstance(argument, str)


@pytest.mark.parametrize("part", [b'"', b'a="', b"\\", b"=", b"a=b", b'"\\', b" ", b"\x00", b'a="b"c'])
def test_time_is_bounded_by_the_length(part: bytes) -> None:
    def cost(length: int) -> float:
        value = part * (length // len(part))
        return units(lambda: list(directives(value)), tries=5)

    assert cost(20_000) < 3 * 8 * cost(2_500)  # eight times the text
