"""The table: every row, in the order in which it is told."""

from __future__ import annotations

from typing import Final

from benchmarks.speed import cold, day, exact, miss, scale, semantic, work
from benchmarks.speed.row import INSTRUCTIONS, SHARE, Goal, Row

ROWS: Final = (
    Row(
        "exact_lookup",
        "exact hit, POST /v1/lookup, 16 connections, 2 KB answers, Zipf(1)",
        "a bare uvicorn ASGI app that does one Redis GET of the same keys",
        "exact",
        (
            Goal("requests a second, near cache on (5 % of the entries)", "near", over="bare", least=1.0),
            Goal("requests a second, near cache off", "plain", over="bare", least=0.6),
            Goal("hits that were copies, near cache on", "copied", unit=SHARE),
            Goal("requests a second while nothing is known yet, near cache on", "near, first", over="bare, first"),
            Goal("the same, near cache off", "plain, first", over="bare, first"),
            Goal("ours, near cache off", "plain", unit="req/s", steady=False),
            Goal("bare app", "bare", unit="req/s", steady=False),
        ),
        exact.open_lookup,
    ),
    Row(
        "exact_chat",
        "exact hit, POST /v1/chat/completions, 16 connections",
        "the same bare app; the LiteLLM proxy with Redis cache",
        "exact",
        (
            Goal("requests a second, of the bare app's", "ours", over="bare", least=0.8),
            Goal("requests a second, of LiteLLM's", "ours", over="litellm", least=60),
            Goal("LiteLLM proxy", "litellm", unit="req/s", steady=False),
        ),
        exact.open_chat,
        peers=True,
    ),
    Row(
        "exact_one",
        "exact hit, POST /v1/lookup, one connection",
        "the same bare app",
        "exact",
        (
            Goal("p50", "ours p50", over="bare p50", most=1.3),
            Goal("p99", "ours p99", over="bare p99", most=2.0),
            Goal("ours, p50", "ours p50", unit="ms", steady=False),
        ),
        exact.open_one,
    ),
    Row(
        "semantic_one",
        "semantic hit, one connection, verifier off",
        "bare tokenise, embed and search of the same text in one thread; GPTCache",
        "semantic",
        (
            Goal("p50", "ours", over="limit", most=1.3),
            Goal("p50, where the bare model has all cores too", "ours", over="limit, all cores", lower=True),
            Goal("p50, of GPTCache's", "ours", over="gptcache", most=0.25),
            Goal("ours, p50", "ours", unit="ms", steady=False),
            Goal("GPTCache, p50", "gptcache", unit="ms", steady=False),
            Goal("asked that were hits", "hits", unit=SHARE),
        ),
        semantic.open_one,
        peers=True,
    ),
    Row(
        "semantic_many",
        "semantic hits, 64 connections, load generator on the same cores",
        "the embedder's own throughput in batches, alone on them",
        "semantic",
        (
            Goal("verifier off", "ours", over="limit", least=0.6),
            Goal("verifier on", "ours, judged", over="limit", higher=True),
            Goal("asked that were hits, verifier off", "ours, hits", unit=SHARE),
            Goal("asked that were hits, verifier on", "ours, judged, hits", unit=SHARE),
            Goal("ours, verifier off", "ours", unit="req/s", steady=False),
            Goal("embedder alone", "limit", unit="texts/s", steady=False),
        ),
        semantic.open_many,
    ),
    Row(
        "stores",
        "stores, POST /v1/store/batch, every write synced to disk",
        "the embedder's own throughput in batches, alone on the cores",
        "semantic",
        (
            Goal("stores a second", "ours", over="limit", least=0.6),
            Goal("stores a second, of GPTCache's", "ours", over="gptcache", higher=True),
            Goal("batches that had all vectors at once", "indexed at once", unit=SHARE, higher=True),
            Goal("ours", "ours", unit="stores/s", steady=False),
        ),
        semantic.open_stores,
        peers=True,
    ),
    Row(
        "miss",
        "miss through the gateway, one connection, provider 20 ms",
        "a direct call",
        "gateway",
        (
            Goal("added at p50", "miss", less="direct", most=3.0, unit="ms", steady=False),
            Goal("time of a direct call", "miss", over="direct", lower=True),
            Goal("added at p50, exact tiers only", "miss, exact only", less="direct", unit="ms", steady=False),
            Goal("added at p50, stream", "miss, stream", less="direct stream", unit="ms", steady=False),
            Goal("added at p50, bypass", "bypass", less="direct", unit="ms", steady=False),
            Goal("hit, in all", "hit", unit="ms", steady=False),
            Goal("answers that were of the kind meant, the least of all kinds", "as expected", unit=SHARE),
        ),
        miss.open_miss,
    ),
    Row(
        "scale",
        "semantic lookup at N entries, one connection",
        "the same at 1,000 entries; exhaustive search",
        "scale",
        (
            Goal("p50", "large", over="small", most=1.5, full=True),
            Goal("recall@1", "recall", least=0.99, unit="", full=True),
            Goal("p50 at N", "large", unit="ms", steady=False),
            Goal("asked that were hits", "hits", unit=SHARE),
        ),
        scale.open_lookups,
    ),
    Row(
        "memory",
        "growth of resident memory by entry, 384 dimensions",
        "1,000 entries",
        "scale",
        (
            Goal("bytes an entry", "bytes an entry", most=900, unit="bytes", full=True),
            Goal("resident at N", "large", unit="bytes", steady=False),
        ),
        scale.open_memory,
    ),
    Row(
        "partitions",
        "N entries in partitions of ten",
        "the same in one partition",
        "scale",
        (
            Goal("growth of memory over 1,000 entries", "many growth", over="large growth", most=2.0, full=True),
            Goal("resident memory", "many bytes", over="large bytes", lower=True),
            Goal("lookup p50", "many p50", over="large p50", most=1.2, full=True),
            Goal("asked that were hits", "hits", unit=SHARE),
        ),
        scale.open_partitions,
    ),
    Row(
        "rebuild",
        "rebuild of N entries",
        "lookups with no rebuild",
        "scale",
        (
            Goal("idle", "idle s", most=300, unit="s", full=True, steady=False),
            Goal("under lookups", "busy s", most=900, unit="s", full=True, steady=False),
            Goal("time under lookups, of the idle one's", "busy s", over="idle s", lower=True),
            Goal("p99 of lookups meanwhile", "busy p99", over="quiet p99", most=3.0, full=True),
        ),
        scale.open_rebuild,
        most_rounds=2,
        last=True,
    ),
    Row(
        "start",
        "start with a snapshot of N entries until ready, store running",
        "-",
        "scale",
        (Goal("until ready", "start s", most=5.0, unit="s", full=True, steady=False),),
        scale.open_start,
        last=True,
    ),
    Row(
        "day",
        "a repetitive day of traffic, as shipped",
        "the same day with exact matching alone",
        "day",
        (
            Goal("hit rate over the day", "hit rate", least=0.8, unit=SHARE),
            Goal("hit rate of its last tenth", "hit rate, last tenth", unit=SHARE, higher=True),
            Goal("exact tier", "exact", unit=SHARE),
            Goal("normalized tier", "normalized", unit=SHARE),
            Goal("semantic tier", "semantic", unit=SHARE),
            Goal("gain over exact matching alone", "hit rate", less="exact alone", unit=SHARE, higher=True),
            Goal("gain, last tenth", "hit rate, last tenth", less="exact alone, last tenth", unit=SHARE, higher=True),
            Goal("asked before in any wording: the most that can hit", "possible", unit=SHARE),
            Goal("refused, of all requests", "refused", unit=SHARE, lower=True),
            Goal("refused by guards", "refused: guarded", unit=SHARE),
            Goal("refused by the verifier", "refused: doubted", unit=SHARE),
            Goal("missed for any other reason", "missed otherwise", unit=SHARE, lower=True),
            Goal("hits of another class, of all requests", "wrong", unit=SHARE, lower=True),
        ),
        day.open_day,
        most_rounds=1,
    ),
    Row(
        "work",
        "bytecode instructions of the service's event loop, for each request of a kind",
        "-",
        "work",
        tuple(Goal(kind, kind, unit=INSTRUCTIONS, lower=True) for kind in work.KINDS),
        work.open_work,
        most_rounds=3,
    ),
    Row(
        "cold",
        "cold times",
        "-",
        "cold",
        (
            Goal("import semcache", "import ms", most=50, unit="ms", steady=False),
            Goal("import semcache, of an empty Python's time", "import ms", over="python ms", lower=True),
            Goal("semcache version", "version ms", most=150, unit="ms", steady=False),
            Goal("semcache version, of an empty Python's time", "version ms", over="python ms", lower=True),
            Goal("serve until ready, model prepared", "ready s", most=3.0, unit="s", steady=False),
        ),
        cold.open_cold,
    ),
)


def named(names: list[str]) -> list[Row]:
    """The rows of these names, in the table's order; all for none. Raises ValueError for a name that is none."""
    known = {row.name for row in ROWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no row is called {', '.join(unknown)}; there are {', '.join(row.name for row in ROWS)}")
    return [row for row in ROWS if not names or row.name in names]
