"""How a reference is written: finds and parses every ``${…}`` in a JSON value.

``${name}`` is a value of base_context, ``${params.x.y}`` one of the step's own parameters,
``${steps.S.outputs.O}`` and ``${steps.S.params.P}`` are another step's; ``['…']`` may stand for
``.…`` anywhere, and ``$${`` means the two characters ``${``. What they resolve to is not asked
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from workflows.model.json_path import Path
from workflows.model.values import Json, StepSpec


class Kind(StrEnum):
    """What a reference points at."""

    CONTEXT = "context"
    PARAMS = "params"
    OUTPUT = "output"
    STEP_PARAMS = "step_params"


@dataclass(frozen=True, slots=True)
class Reference:
    """One ``${…}``. ``path`` leads into base_context, the parameters or the outputs."""

    kind: Kind
    step: str | None
    """The step it names; None for base_context and for the step's own parameters."""
    path: tuple[str, ...]
    text: str
    """As it was written, with ``${`` and ``}``."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A ``${`` that is no reference."""

    text: str
    reason: str
    meant: str = ""
    """What was probably meant by it."""


Part = str | Reference | Malformed

_MARK = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ACCESSOR = re.compile(r"""\.?([^.\[\]'"]+)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]""")
_USUAL = re.compile(r"""steps\.([^.\[\]'"]+)\.(outputs|params)\.([^.\[\]'"]+)""")
_SECTIONS = {"outputs": Kind.OUTPUT, "params": Kind.STEP_PARAMS}
_LONGEST = 1000  # characters between the braces
_SHORT = 200  # characters of a text worth remembering


def parts(text: str) -> Sequence[Part]:
    """The text cut at its references; literal pieces come with ``$${`` already unescaped."""
    if "${" not in text:
        return (text,)
    return _short_parts(text) if len(text) <= _SHORT else _parts(text)


def references(value: Json, path: Path = ()) -> Iterator[tuple[Path, Reference | Malformed]]:
    """Every reference in a JSON value, each with its place below ``path``; keys hold none."""
    if isinstance(value, str):
        if "${" in value:
            yield from [(path, part) for part in parts(value) if not isinstance(part, str)]
        return
    items: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, inner in items:
        if "${" in inner if isinstance(inner, str) else isinstance(inner, dict | list | tuple):
            yield from references(inner, (*path, key))


def implied_dependencies(step: StepSpec) -> frozenset[str]:
    """The names of the steps that a step refers to, and therefore depends on.

    A step may read its own parameters by its own name; that alone is no dependency.
    """
    found = (
        part
        for section in (step.params, step.outputs)
        for text in _texts(section)
        if "${" in text and "steps" in text
        for part in parts(text)
    )
    return frozenset(
        part.step
        for part in found
        if isinstance(part, Reference)
        and part.step is not None
        and (part.step != step.name or part.kind is Kind.OUTPUT)
    )


def _texts(value: Json) -> Iterator[str]:
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, dict | list | tuple):
            yield from _texts(inner)


def _parts(text: str) -> tuple[Part, ...]:
    alone = _MARK.fullmatch(text)
    if alone:
        return (_meaning(alone),)
    found: list[Part] = []
    end = 0
    for mark in _MARK.finditer(text):
        found.append(text[end : mark.start()])
        found.append(_meaning(mark))
        end = mark.end()
    found.append(text[end:])
    return tuple(part for part in found if part)


_short_parts = lru_cache(maxsize=16_384)(_parts)
"""The same templates come again and again: from step to step, and from one look to the next."""


def _meaning(mark: re.Match[str]) -> Part:
    if mark.group() == "$${":
        return "${"
    if mark.group(1) is None:
        return Malformed("${", "the closing } is missing")
    return _parse_reference(mark.group(1))


def _parse_reference(body: str) -> Reference | Malformed:
    text = "${" + body[:_LONGEST] + "}"
    if len(body) > _LONGEST:
        return Malformed(text, f"it is longer than {_LONGEST} characters")
    body = body.strip()
    usual = _USUAL.fullmatch(body)
    if usual:
        step, section, name = usual.groups()
        return Reference(_SECTIONS[section], step, (name,), text)
    names = _accessors(body)
    if not names:
        return Malformed(text, "it is not of a known form")
    if names[0] == "params":
        return _own(names[1:], text)
    if names[0] == "steps":
        return _other(names[1:], text)
    return Reference(Kind.CONTEXT, None, names, text)


def _accessors(body: str) -> tuple[str, ...]:
    """``a.b['c'][0]`` as ``("a", "b", "c", "0")``; empty where it is not of that form."""
    names: list[str] = []
    end = 0
    while end < len(body):
        accessor = _ACCESSOR.match(body, end)
        if accessor is None or (end == 0) != (accessor.group()[0] not in ".["):
            return ()
        names.append(next(name for name in accessor.groups() if name is not None))
        end = accessor.end()
    return tuple(names)


def _own(path: tuple[str, ...], text: str) -> Reference | Malformed:
    if not path:
        return Malformed(text, "the name of a parameter is missing")
    return Reference(Kind.PARAMS, None, path, text)


def _other(names: tuple[str, ...], text: str) -> Reference | Malformed:
    """A step's name may hold dots itself: it reaches up to ``outputs`` or ``params``."""
    for place, name in enumerate(names):
        if place > 0 and name in _SECTIONS and place + 1 < len(names):
            return Reference(_SECTIONS[name], ".".join(names[:place]), names[place + 1 :], text)
    return Malformed(
        text, "it must go on with .outputs.<name> or .params.<name>", _suggest_form(names)
    )


def _suggest_form(names: tuple[str, ...]) -> str:
    """Most leave ``outputs`` out, or write ``output``; empty where it may be anything else."""
    match names:
        case (step, name) if name not in _SECTIONS:
            return f"${{steps.{step}.outputs.{name}}}"
        case (step, section, *path) if path and f"{section}s" in _SECTIONS:
            return f"${{steps.{step}.{section}s.{'.'.join(path)}}}"
    return ""
