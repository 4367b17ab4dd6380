"""The values in a plan: JSON, with references to future outputs of jobs, and gaps.

A *reference* stays a reference wherever it is only passed on; it is looked up only where something
depends on its value. So a plan made again with more results repeats its earlier steps letter for
letter. A *gap* is a value that is unknown before certain steps have ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import Type
from workflows.model.values import Json

Value = Json
"""A JSON value whose leaves may also be ``Ref`` or ``Gap``."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The output of a planned step."""

    step: str
    output: str
    type: Type


@dataclass(frozen=True, slots=True)
class Gap:
    """Not known before these steps have ended; none where a reported problem is the reason."""

    steps: frozenset[str] = frozenset()


class Open(Exception):
    """A value was needed that is not known yet. Ends where a step or output becomes a gap."""

    def __init__(self, steps: frozenset[str]) -> None:
        self.steps = steps
        super().__init__()


class Wrong(Exception):
    """The user's document cannot be carried out; the caller that knows the place reports it."""

    def __init__(
        self, code: str, message: str, suggestion: str = "", node: Node | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.suggestion = suggestion
        self.node = node
        """The innermost place that is to blame, once it is known."""
        super().__init__(message)


@contextmanager
def blame(node: Node) -> Iterator[None]:
    """Places a ``Wrong`` that passes through at ``node``, unless it has a place already."""
    try:
        yield
    except Wrong as wrong:
        wrong.node = wrong.node or node
        raise


@dataclass(frozen=True, slots=True)
class Slot:
    """A value, and the steps whose results were looked up to make it."""

    value: Value
    after: frozenset[str] = frozenset()


NOTHING = Slot(None)


def leaves(value: Value) -> Iterator[Value]:
    """All leaves of a value, references and gaps included."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def referenced_steps(value: Value) -> frozenset[str]:
    """The steps that a value refers to."""
    if isinstance(value, (dict, list)):
        return frozenset(leaf.step for leaf in leaves(value) if isinstance(leaf, Ref))
    return frozenset({value.step}) if isinstance(value, Ref) else frozenset()


def gaps(value: Value) -> list[Gap]:
    """All gaps in a value."""
    if isinstance(value, (dict, list)):
        return [leaf for leaf in leaves(value) if isinstance(leaf, Gap)]
    return [value] if isinstance(value, Gap) else []


def is_file(value: Value) -> bool:
    return isinstance(value, dict) and value.get("class") in ("File", "Directory")


def files(value: Value, cls: str = "File") -> Iterator[dict[str, Value]]:
    """Every File (or Directory) in a value; not those inside of others."""
    if isinstance(value, dict):
        if value.get("class") == cls:
            yield value
        else:
            for item in value.values():
                yield from files(item, cls)
    elif isinstance(value, list):
        for item in value:
            yield from files(item, cls)


Inputs = Mapping[str, Slot]
"""Slots by name."""
