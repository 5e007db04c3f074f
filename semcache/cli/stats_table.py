"""`/v1/stats` for people: the service's own names, one figure a line, groups under a heading."""

from __future__ import annotations

from typing import Any


def render(stats: dict[str, Any]) -> str:
    """Lines of text: plain figures first, then a block for each group."""
    return "\n".join(_block("", stats))


def _block(title: str, group: dict[str, Any]) -> list[str]:
    plain = {key: value for key, value in group.items() if not isinstance(value, (dict, list))}
    width = max((len(key) for key in plain), default=0)
    lines = ["", title] if title else []
    lines += [f"{'  ' if title else ''}{key:<{width}}  {_shown(key, value)}" for key, value in plain.items()]
    for key, value in group.items():
        head = f"{title} / {key}" if title else key
        if isinstance(value, dict) and value:
            lines += _block(head, value)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                lines += _block(f"{head} {_label(item, number)}", item) if isinstance(item, dict) else []
    return lines


def _label(item: dict[str, Any], number: int) -> str:
    names = [str(item[key]) for key in ("namespace", "model", "model_version") if item.get(key)]
    return " ".join(names) or str(number + 1)


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1%}" if key.endswith("_rate") else f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
