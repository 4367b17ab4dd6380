"""The tables of docs/errors.md: codes, and how steps fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from devstack.references.tables import table
from workflows.model.error_codes import ErrorCodes, error_codes
from workflows.rules.endings import endings


def parts() -> Mapping[str, Callable[[], str]]:
    """One table for each subject, and that of the endings."""
    tables = {subject: _renderer(subject) for subject in error_codes()}
    return tables | {"endings": render_endings}


def _renderer(subject: str) -> Callable[[], str]:
    return lambda: _render(error_codes()[subject])


def _render(found: Sequence[ErrorCodes]) -> str:
    with_advice = any(each.do for each in found)
    head = ("code", "meaning", "what to do") if with_advice else ("code", "meaning")
    lines = [
        (", ".join(f"`{code}`" for code in each.codes), each.means, each.do)[: len(head)]
        for each in found
    ]
    return table(head, lines)


def render_endings() -> str:
    names = ("name", "says", "do")
    lines = [
        [str(each[name]).replace("{{", "{").replace("}}", "}") for name in names]
        for each in endings()
    ]
    return table(("ending", "the sentence begins", "what to do"), lines)
