"""Parameter references: the part of CWL's expressions that needs no JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from workflows.cwl.model.values import Value, Wrong

_REFERENCE = re.compile(
    r"""\(\s*(?P<root>inputs|self|runtime|null)(?P<rest>(?:\.\w+|\[\d+\]|\['(?:[^'\\]|\\.)+'\]|\["(?:[^"\\]|\\.)+"\])*)\s*\)"""
)
_SEGMENT = re.compile(
    r"""\.(?P<name>\w+)|\[(?P<index>\d+)\]|\['(?P<one>(?:[^'\\]|\\.)+)'\]|\["(?P<two>(?:[^"\\]|\\.)+)"\]"""
)

Look = Callable[[Value], Value]
"""Looks a reference up before something inside of it is asked for; raises ``Open``."""


def segments(code: str) -> tuple[str, list[str | int]] | None:
    """``(root, keys)`` of a parameter reference in parentheses; None for any other code."""
    match = _REFERENCE.fullmatch(code)
    if match is None or (match["root"] == "null" and match["rest"]):
        return None
    return match["root"], [_key(segment) for segment in _SEGMENT.finditer(match["rest"])]


def _key(segment: re.Match[str]) -> str | int:
    if segment["index"] is not None:
        return int(segment["index"])
    quoted = segment["one"] or segment["two"]
    return re.sub(r"\\(.)", r"\1", quoted) if quoted else segment["name"]


def follow(root: str, keys: list[str | int], roots: Mapping[str, Value], look: Look) -> Value:
    """The value that the reference names; raises ``Wrong`` where there is none."""
    if root == "null":
        return None
    if root not in roots:
        raise Wrong("cwl.expression", f"'{root}' is not available here")
    value, name = roots[root], root
    for key in keys:
        value = _member(look(value), key, name)
        name = f"{name}[{key}]" if isinstance(key, int) else f"{name}.{key}"
    return value


def _member(value: Value, key: str | int, name: str) -> Value:
    if isinstance(key, int):
        if isinstance(value, list) and key < len(value):
            return value[key]
        raise Wrong("cwl.expression", f"'{name}' has no element [{key}]")
    if isinstance(value, (list, str)) and key == "length":
        return len(value)
    if isinstance(value, dict) and key in value:
        return value[key]
    known = f"; it has {', '.join(map(str, value))}" if isinstance(value, dict) and value else ""
    raise Wrong("cwl.expression", f"'{name}' has no '{key}'{known}")
