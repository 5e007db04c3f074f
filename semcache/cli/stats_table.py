"""`/v1/stats` for people: figures, then groups of figures, then a line for each namespace and model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_COLUMNS: Final = (
    "requests",
    "hits",
    "misses",
    "hit_rate",
    "upstream_calls",
    "cost_paid_usd",
    "tokens_saved",
    "cost_saved_usd",
    "time_saved_s",
)


def render(stats: dict[str, Any]) -> str:
    """Lines of text, without the last newline. What a later service adds is shown, too."""
    groups = {key: value for key, value in stats.items() if isinstance(value, dict)}
    tables = [list(_by_model(groups.pop("namespaces", {})))]
    groups.pop("models", None)  # the same figures over all namespaces: for machines
    quality = groups.pop("quality", {})
    parts = [_figures({key: value for key, value in stats.items() if key not in groups and _plain(value)})]
    parts += [f"{title}\n{_figures(group, '  ')}" for title, group in groups.items() if group]
    parts += [
        f"quality of {namespace}, {what}\n{_figures(_told(figures), '  ')}"
        for namespace, told in quality.items()
        for what, figures in told.items()
    ]
    parts += [_columns(rows) for rows in tables if len(rows) > 1]
    return "\n\n".join(parts)


def _figures(group: dict[str, Any], indent: str = "") -> str:
    plain = {key: value for key, value in group.items() if _plain(value)}
    width = max((len(key) for key in plain), default=0)
    return "\n".join(f"{indent}{key:<{width}}  {_shown(key, value)}" for key, value in plain.items())


def _told(figures: dict[str, Any]) -> dict[str, Any]:
    """A bound that what is expected keeps, but not yet its upper quantile, is not said to be broken."""
    if figures.get("holds") is False and figures.get("wrong", 1.0) <= figures.get("bound", 0.0):
        return {**figures, "holds": "not shown yet"}
    return figures


def _by_model(namespaces: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    yield ("namespace", "model", *_COLUMNS)
    for namespace, figures in namespaces.items():
        for model, counts in figures.get("models", {}).items():
            yield (namespace, model, *(_shown(column, counts.get(column)) for column in _COLUMNS))


def _columns(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if column < 2 else f"{cell:>{width}}" for column, (cell, width) in enumerate(cells)
        )
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )


def _plain(value: Any) -> bool:
    return not isinstance(value, (dict, list))


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if key.endswith("_rate"):
            return f"{value:.1%}"
        return f"{value:,.{8 if key.endswith('_usd') else 4}f}".rstrip("0").rstrip(".")  # a call may cost a millionth
    return f"{value:,}" if isinstance(value, int) else str(value)
