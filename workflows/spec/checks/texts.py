"""Checks that a JSON value can be stored as BSON and sent on: depth, size, keys, numbers,
characters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.checks.diagnostics import Diagnostics

DEEPEST: Final = 50
"""Levels of nesting; MongoDB allows 100, and the spec is a part of its document."""
MOST_VALUES: Final = 1_000_000
LONGEST_NAME: Final = 200
"""Characters of a workflow's, step's, output's or label's name, and of any key."""
LARGEST_INTEGER: Final = 2**63

_SCALARS: Final = frozenset({int, float, bool, type(None)})
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check(value: Json, path: Path, diagnostics: Diagnostics) -> None:
    """Reports every value that cannot be stored; a valid document costs one quick pass."""
    if not sound(value):
        for at, code, message in _unsound(value, path):
            diagnostics.problem(at, code, message)


def bad_name(name: str) -> str:
    """Why a text is no name; empty if it is one."""
    if not name.strip():
        return "it is empty"
    if len(name) > LONGEST_NAME:
        return f"it is longer than {LONGEST_NAME} characters"
    return "it contains control characters" if _CONTROL.search(name) else ""


def sound(value: Json, levels: int = DEEPEST) -> bool:
    """A quick check of values made of JSON's own types: true if there is no problem. It goes level
    by level, without recursion.
    """
    level, values = [value], 0
    for _ in range(levels):
        values += len(level)
        of: dict[type, list[Any]] = {}
        for each in level:
            of.setdefault(type(each), []).append(each)
        objects, lists, texts = of.pop(dict, ()), of.pop(list, ()), of.pop(str, ())
        keys = {key for value in objects for key in value}
        if _UNSTORABLE.search("".join(texts)) or not all(map(_good_key, keys)):
            return False
        if not (of.keys() <= _SCALARS and all(map(_good_scalar, chain(*of.values())))):
            return False
        level = [*chain.from_iterable(value.values() for value in objects), *chain(*lists)]
        if not level:
            return values <= MOST_VALUES
    return False


def _good_scalar(value: Json) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -LARGEST_INTEGER <= value < LARGEST_INTEGER


def _good_key(key: Json) -> bool:
    return isinstance(key, str) and not _bad_key(key)


def _bad_key(key: str) -> str:
    """Why a key is unusable for MongoDB or references; empty if it is usable."""
    if key.isidentifier() and len(key) <= LONGEST_NAME:
        return ""
    if key.startswith("$") or "." in key or "${" in key:
        return "a key must not contain '.' or '${' nor begin with '$'"
    reason = bad_name(key)
    return f"a key is not usable: {reason}" if reason else ""


def _unsound(document: Json, path: Path) -> Iterator[tuple[Path, str, str]]:
    """Each problem and its path. Values nested too deeply, or beyond the limit, are skipped."""
    rest: list[tuple[Json, Path]] = [(document, path)]
    values = 0
    while rest:
        value, at = rest.pop()
        values += 1
        if values > MOST_VALUES:
            yield path, "too_many_values", f"it holds more than {MOST_VALUES} values"
            return
        if isinstance(value, dict | list) and len(at) - len(path) >= DEEPEST:
            yield at[:8], "too_deep", f"it is nested more than {DEEPEST} levels deep"
        elif isinstance(value, dict):
            yield from _keys(value, at)
            rest.extend((inner, (*at, str(key))) for key, inner in reversed(value.items()))
        elif isinstance(value, list):
            rest.extend((value[place], (*at, place)) for place in reversed(range(len(value))))
        else:
            yield from _scalar(value, at)


def _keys(value: dict[Json, Json], at: Path) -> Iterator[tuple[Path, str, str]]:
    for key in value:
        reason = _bad_key(key) if isinstance(key, str) else "a key must be a text"
        if reason:
            yield (*at, str(key)), "bad_key", reason


def _scalar(value: Json, at: Path) -> Iterator[tuple[Path, str, str]]:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            yield at, "bad_text", "it contains NUL or half of a surrogate pair"
    elif not _good_scalar(value):
        what = "NaN or infinite" if isinstance(value, float) else "beyond 64 bits"
        yield at, "bad_number", f"the number is {what}"
