"""Reads the body of a retry: other parameters of steps, and from which steps to start again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from workflows.engine.changed_retry import Changes
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.values import Json
from workflows.spec.checks.suggestions import did_you_mean

_KNOWN: Final = ("params", "from")


def read(sent: Mapping[str, Json]) -> Changes | None:
    """None where nothing is changed. Raises ``Invalid`` with every problem."""
    if problems := [*_unknown(sent), *_bad(sent)]:
        raise Invalid(problems)
    params, start_from = sent.get("params") or {}, sent.get("from") or []
    return Changes(params, tuple(dict.fromkeys(start_from))) if params or start_from else None


def _unknown(sent: Mapping[str, Json]) -> Iterator[Problem]:
    for name in sent:
        if name not in _KNOWN:
            hint = did_you_mean(name, _KNOWN) or f"known are {', '.join(_KNOWN)}"
            yield Problem(format_path((name,)), "unknown_field", "there is no such field", hint)


def _bad(sent: Mapping[str, Json]) -> Iterator[Problem]:
    params, start_from = sent.get("params"), sent.get("from")
    if params is not None and not isinstance(params, dict):
        yield Problem("params", "wrong_type", "it must be an object: step to its parameters")
    for step, changed in params.items() if isinstance(params, dict) else ():
        if not isinstance(changed, dict):
            message = "it must be an object of parameters"
            yield Problem(format_path(("params", step)), "wrong_type", message)
    texts = isinstance(start_from, list) and all(isinstance(each, str) for each in start_from)
    if start_from is not None and not texts:
        yield Problem("from", "wrong_type", "it must be a list of names of steps")
