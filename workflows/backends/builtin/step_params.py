"""Parses the parameters of built-in steps from any JSON.

References are resolved by now, so these values have not been validated before. A wrong value is
``Rejected`` with the parameter's name, for the user to fix. ``null`` counts as absent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from workflows.model.errors import Rejected
from workflows.model.values import Json

Params = Mapping[str, Json]

_MOST: Final = 10**9
_SHOWN: Final = 80
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no", ""})


def string(params: Params, name: str, default: str = "") -> str:
    """One text; a number is taken as it is written, and a list of one as its element."""
    value = params.get(name)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return default if value is None else _plain(name, value, "one text")


def strings(params: Params, name: str) -> list[str]:
    """Many texts, out of a text or lists of lists of them; empty ones are passed over."""
    value = params.get(name)
    if isinstance(value, list):
        return [found for each in value for found in strings({name: each}, name)]
    return [] if value is None or value == "" else [_plain(name, value, "texts")]


def number(params: Params, name: str, default: float, least: float = 0) -> float:
    """A number of at least ``least``; a text that says one will do."""
    value = params.get(name)
    if value is None:
        return default
    try:
        found = float(_plain(name, value, "a number"))
    except ValueError:
        raise _wrong(name, value, "a number") from None
    if not math.isfinite(found) or not least <= found <= _MOST:
        raise _wrong(name, value, f"a number from {least:g} to {_MOST:g}")
    return found


def integer(params: Params, name: str, default: int, least: int = 0) -> int:
    """The same without a fraction."""
    found = number(params, name, default, least)
    if found != int(found):
        raise _wrong(name, params.get(name), "a whole number")
    return int(found)


def boolean(params: Params, name: str, default: bool) -> bool:
    value = params.get(name)
    if value is None or isinstance(value, bool):
        return default if value is None else value
    word = _plain(name, value, "true or false").lower()
    if word not in _TRUE | _FALSE:
        raise _wrong(name, value, "true or false")
    return word in _TRUE


def _plain(name: str, value: Json, wanted: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(name, value, wanted)
    try:
        return str(value).strip()
    except ValueError:  # of more digits than Python writes
        raise Rejected(f"{name} must be {wanted}") from None


def _wrong(name: str, value: Json, wanted: str) -> Rejected:
    shown = repr(value)
    cut = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    return Rejected(f"{name} must be {wanted}, but is {cut}")
