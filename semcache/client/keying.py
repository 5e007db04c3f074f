"""From a function and its arguments to what the cache is asked. Pure: no call is made here.

The rule. The prompt is one argument: the one named, else the first that is annotated `str`, else the first. It is text,
or a list of chat messages. All other arguments, defaults applied, count as parameters beside the function's qualified
name and version, so that two functions, or two versions of one, never share an answer; the order in which keywords are
given does not. `self` and `cls` do not count. An argument that is no JSON is refused: what cannot be written
down cannot be told apart.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from semcache.client.items import Context, LookupItem, Strategy

Params = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_UNCOUNTED: Final = ("self", "cls")
_DEEPEST: Final = 90
"""Levels of lists and objects; the service takes a few more."""


class Keying:
    """How one function's calls become lookups."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        model: str,
        prompt: str | None,
        namespace: str | None,
        strategy: Strategy | None,
        context: Context | None,
        params: Params | None,
        version: str,
    ) -> None:
        """Raises TypeError where the function has no argument that can be the prompt."""
        self._signature = inspect.signature(function)
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._prompt = _prompt_name(self._signature, prompt, self._name)
        self._model = model
        self._namespace = namespace
        self._strategy = strategy
        self._context = context
        self._params = params
        self._version = version

    def item(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> LookupItem:
        """The lookup of a call. Raises TypeError for arguments that the function, or JSON, does not take."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        prompt = arguments[self._prompt]
        if self._params is not None:
            counted = dict(self._params(arguments))
        else:
            counted = {name: arguments[name] for name in arguments if name not in (*_UNCOUNTED, self._prompt)}
        flaw = flaw_of(counted, tuples=True)
        if flaw is not None:
            raise TypeError(
                f"{self._name}: {flaw}, so this call cannot be keyed; give `params=`, a function from the arguments "
                "to the JSON that tells them apart"
            )
        params: dict[str, Any] = {"function": self._name, "argument": self._prompt, "arguments": counted}
        if self._version:
            params["version"] = self._version
        return LookupItem(
            model=self._model,
            prompt=prompt if isinstance(prompt, str) else None,
            messages=None if isinstance(prompt, str) else self._messages(prompt),
            params=params,
            namespace=self._namespace,
            strategy=self._strategy,
            context=self._context,
        )

    def _messages(self, prompt: Any) -> list[Mapping[str, Any]]:
        if isinstance(prompt, list) and prompt and all(isinstance(one, Mapping) and "role" in one for one in prompt):
            flaw = flaw_of(prompt)
            if flaw is None:
                return prompt
        raise TypeError(
            f"{self._name}: `{self._prompt}` is the prompt, and is neither text nor a list of chat messages; "
            "name the argument that is with `prompt=`"
        )


def flaw_of(value: Any, path: str = "", depth: int = 0, *, tuples: bool = False) -> str | None:
    """None for a JSON value that reads back as it is; otherwise what about it is not, and where.

    `tuples`: they count as lists.
    """
    where = f"`{path}`" if path else "the value"
    if value is None or isinstance(value, (str, bool, int)):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{where} is {value}, which is no JSON"
    if depth > _DEEPEST:
        return f"{where} is nested too deeply"
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                return f"{where} has the key {name!r}, which is no text"
            flaw = flaw_of(item, f"{path}.{name}" if path else name, depth + 1, tuples=tuples)
            if flaw is not None:
                return flaw
        return None
    if isinstance(value, list) or (tuples and isinstance(value, tuple)):
        found = (flaw_of(item, f"{path}[{number}]", depth + 1, tuples=tuples) for number, item in enumerate(value))
        return next(filter(None, found), None)
    return f"{where} is of type {type(value).__name__}, which is no JSON"


def _prompt_name(signature: inspect.Signature, named: str | None, function: str) -> str:
    candidates = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.name not in _UNCOUNTED and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if named is not None:
        if named in [parameter.name for parameter in candidates]:
            return named
        raise TypeError(f"{function} has no argument `{named}` that could be the prompt")
    texts = [parameter.name for parameter in candidates if parameter.annotation in (str, "str")]
    if texts:
        return texts[0]
    if candidates:
        return candidates[0].name
    raise TypeError(f"{function} takes no argument that could be the prompt; name it with `prompt=`")
