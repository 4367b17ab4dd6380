"""Resolves the ``${…}`` references of a spec, for one attempt of one step.

A later attempt writes to another ``output_file``, and steps that refer to it get the new name. A
value is either resolved whole or ``Unresolved`` is raised: no reference is ever handed on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from workflows.model.errors import Problem, Unresolved
from workflows.model.json_path import Path, format_path
from workflows.model.values import Json, Spec
from workflows.spec import size_limits
from workflows.spec.reference_syntax import (
    Kind,
    Malformed,
    Part,
    Reference,
    implied_dependencies,
    parts,
    references,
)

__all__ = [
    "UNKNOWN_UNTIL_RUN",
    "Kind",
    "Later",
    "Malformed",
    "Reference",
    "Resolver",
    "implied_dependencies",
    "references",
    "resolved_outputs",
    "resolved_params",
    "workflow_outputs",
]

Results = Mapping[int, Mapping[str, Json]]
"""Outputs known only at run time (built-in steps): index of the step to name to value."""


class Later(Enum):
    """Stands for a value that only the run will bring; a value that contains it is later too."""

    LATER = "later"

    def __repr__(self) -> str:
        """As messages to users show it."""
        return "…"


UNKNOWN_UNTIL_RUN: Final = Later.LATER


def resolved_params(
    spec: Spec, step: int, attempts: Sequence[int], results: Results | None = None
) -> dict[str, Json]:
    """What is sent to AppService for the present attempt of a step.

    ``attempts`` is parallel to the steps and counts from 1; 0 means the first, too.
    """
    return Resolver(spec, attempts, results).params(step)


def resolved_outputs(
    spec: Spec, step: int, attempts: Sequence[int], results: Results | None = None
) -> dict[str, Json]:
    """A step's outputs by name: the declared ones, and those its run brought."""
    return Resolver(spec, attempts, results).outputs(step)


def workflow_outputs(
    spec: Spec, attempts: Sequence[int], results: Results | None = None
) -> list[Json]:
    """The spec's ``workflow_outputs``, in its order."""
    return Resolver(spec, attempts, results).workflow_outputs()


Slot = tuple[str, int, tuple[str, ...]]
"""One place that references point at: a section, the step's index (-1 for none), a path."""
CONTEXT, PARAMS, OUTPUTS, NOWHERE = "base_context", "params", "outputs", "workflow_outputs"
OUTPUT_FILE = ("output_file",)


@dataclass(frozen=True, slots=True)
class _Written:
    """What the document says at a slot, down to the first text that must be resolved first."""

    slot: Slot
    node: Json
    covered: tuple[str, ...]
    rest: tuple[str, ...]
    """What of the path leads on into the value of ``node``."""
    final: bool
    """True for what the run brought: it is taken as it is."""


class Resolver:
    """Resolves the references of one spec and remembers what it has resolved.

    Only what is asked for is looked at, and nothing twice. ``steps`` maps names to indexes, for
    callers that have it at hand.
    """

    def __init__(
        self,
        spec: Spec,
        attempts: Sequence[int],
        results: Results | None = None,
        steps: Mapping[str, int] | None = None,
    ) -> None:
        self._spec = spec
        self._attempts = attempts
        self._results = results or {}
        self._steps = steps
        self._known: dict[Slot, tuple[Json, int]] = {}
        self._texts: dict[tuple[str, str, int], tuple[Json, int]] = {}
        self._written = 0
        self._budgets = {PARAMS: size_limits.LARGEST_SUM, OUTPUTS: size_limits.LARGEST_OUTPUTS}
        self._left = dict(self._budgets)
        self._overdrawn: dict[str, Unresolved] = {}

    def params(self, step: int) -> dict[str, Json]:
        values: dict[str, Json] = {}
        together = 0
        for name in self._spec.steps[step].params:
            values[name], size = self._param(step, name)
            together += size
        self._spend(PARAMS, together, ("steps", step, PARAMS))
        return values

    def param(self, step: int, name: str) -> Json:
        """One parameter of a step, by its name."""
        return self._param(step, name)[0]

    def _param(self, step: int, name: str) -> tuple[Json, int]:
        if name == "output_file":
            return self._value((PARAMS, step, (name,)), ("steps", step, PARAMS, name))
        raw = self._spec.steps[step].params[name]
        if isinstance(raw, str) and "${" not in raw:
            return raw, len(raw)
        return self._filled_at(raw, PARAMS, step, name)

    def value(self, raw: Json, step: int, at: Path) -> Json:
        """A value as if it were written among a step's parameters, at a place of the document."""
        return self._fill(raw, PARAMS, step, at)[0]

    def outputs(self, step: int) -> dict[str, Json]:
        declared = self._spec.steps[step].outputs
        later = self._results.get(step, {})
        values: dict[str, Json] = {}
        together = 0
        for name in {**declared, **later}:
            values[name], size = self._output(step, name)
            # What the run brought is stored as it is; only what references make of it can grow.
            together += 0 if name in later else size
        self._spend(OUTPUTS, together, ("steps", step, OUTPUTS))
        return values

    def output(self, step: int, name: str) -> Json:
        """One output of a step, by its name."""
        return self._output(step, name)[0]

    def _output(self, step: int, name: str) -> tuple[Json, int]:
        return self._value((OUTPUTS, step, (name,)), ("steps", step, OUTPUTS, name))

    def context(self, name: str) -> Json:
        """One value of base_context."""
        return self._value((CONTEXT, -1, (name,)), (CONTEXT, name))[0]

    def workflow_outputs(self) -> list[Json]:
        return [self.workflow_output(each) for each in range(len(self._spec.workflow_outputs))]

    def workflow_output(self, position: int) -> Json:
        """One of them, by its place in the document."""
        raw = self._spec.workflow_outputs[position]
        value, size = self._filled_at(raw, NOWHERE, -1, position)
        self._spend(OUTPUTS, size, (NOWHERE, position))
        return value

    def _spend(self, budget: str, size: int, at: Path) -> None:
        """Raises ``Unresolved`` with the place at which too much was handed out in all."""
        self._left[budget] -= size
        if self._left[budget] < 0:
            raise self._overdrawn.setdefault(
                budget, size_limits.budget_exceeded(budget, self._budgets[budget], at)
            )

    def _filled_at(self, raw: Json, section: str, step: int, key: str | int) -> tuple[Json, int]:
        """A value at its own place, without remembering it: nothing else refers to it."""
        return self._fill(raw, section, step, (*_section(section, step), key))

    def _value(self, wanted: Slot, at: Path) -> tuple[Json, int]:
        """A slot's value and its size, for the reference at a place.

        Works with a stack of its own: chains may be long.
        """
        if wanted in self._known or self._plain(wanted):
            return self._known[wanted]
        stack, entered = [self._begin(wanted, at)], {wanted}
        while stack:
            written, here, needs = stack[-1]
            need = next((n for n in needs if not (n in self._known or self._plain(n))), None)
            if need is None:
                self._known[written.slot] = self._settle(written, here)
                stack.pop()
            elif need in entered:
                target = format_path((*_section(*need[:2]), *need[2]))
                raise _unresolved_reference("reference_cycle", here, f"{target} refers to itself")
            else:
                entered.add(need)
                stack.append(self._begin(need, here))
        return self._known[wanted]

    def _begin(self, slot: Slot, asked: Path) -> tuple[_Written, Path, Iterator[Slot]]:
        """What is written at a slot, its place, and what must be known before its value is."""
        written = self._written_in(slot, asked)
        here = (*_section(*slot[:2]), *slot[2])
        return written, here, iter(self._slots(written, here))

    def _plain(self, slot: Slot) -> bool:
        """Settles a slot that holds a text without references, the most usual case."""
        section, step, path = slot
        root, final = self._root(section, step, path[0])
        text = root.get(path[0])
        plain = isinstance(text, str) and len(path) == 1 and (final or "${" not in text)
        if plain:
            renamed = path == OUTPUT_FILE and section == PARAMS
            value = self._of_attempt(text, step) if renamed else text
            self._known[slot] = value, len(text)
        return plain

    def _written_in(self, slot: Slot, asked: Path) -> _Written:
        """A string on the way that holds references covers only part of the path."""
        section, step, path = slot
        node, final = self._root(section, step, path[0])
        for covered, name in enumerate(path):
            if not final and isinstance(node, str) and "${" in node:
                return _Written(slot, node, path[:covered], path[covered:], final=False)
            node = _enter(node, name, slot, asked)
        return _Written(slot, node, path, (), final=final)

    def _root(self, section: str, step: int, name: str) -> tuple[Json, bool]:
        if section == CONTEXT:
            return self._spec.base_context, False
        if section == PARAMS:
            return self._spec.steps[step].params, False
        if name in self._results.get(step, {}):
            return self._results[step], True
        return self._spec.steps[step].outputs, False

    def _slots(self, written: _Written, here: Path) -> list[Slot]:
        """What must be known before a slot's value is."""
        section, step, _ = written.slot
        if written.final:
            return []
        if written.rest:
            return [(section, step, written.covered)]
        return self._needs(written.node, section, step, here)

    def _settle(self, written: _Written, here: Path) -> tuple[Json, int]:
        """The value of a slot, all of whose needs are known, and its size."""
        section, step, path = written.slot
        if written.final:
            return written.node, size_limits.measure(written.node)
        if written.rest:
            node = self._known[(section, step, written.covered)][0]
            for name in written.rest:
                node = _enter(node, name, written.slot, here)
            return node, size_limits.measure(node)
        value, size = self._fill(written.node, section, step, here)
        if path == OUTPUT_FILE and section == PARAMS:
            value = self._of_attempt(value, step)
        return value, size

    def _of_attempt(self, output_file: Json, step: int) -> Json:
        attempt = self._attempts[step]
        if attempt > 1 and isinstance(output_file, str | int):
            return f"{output_file}_attempt{attempt}"
        return output_file

    def _needs(self, raw: Json, section: str, step: int, at: Path) -> list[Slot]:
        if isinstance(raw, str):
            found: Iterable[Part] = parts(raw) if "${" in raw else ()
        else:
            found = [part for _, part in references(raw)]
        return [self._slot(part, section, step, at) for part in found if not isinstance(part, str)]

    def _slot(self, part: Reference | Malformed, section: str, step: int, at: Path) -> Slot:
        """Where a reference points that is written in a section of a step."""
        if isinstance(part, Malformed):
            raise _unresolved_reference("malformed_reference", at, f"{part.text}: {part.reason}")
        if part.kind is Kind.CONTEXT:
            return CONTEXT, -1, part.path
        if section == CONTEXT:
            message = f"{part.text} leads out of base_context"
            raise _unresolved_reference("unresolved_reference", at, message)
        if part.kind is Kind.PARAMS:
            if step < 0:
                message = f"{part.text}: no step's own place"
                raise _unresolved_reference("unresolved_reference", at, message)
            return PARAMS, step, part.path
        target = self._index_of(part.step or "", part.text, at)
        return (OUTPUTS if part.kind is Kind.OUTPUT else PARAMS), target, part.path

    def _index_of(self, name: str, text: str, at: Path) -> int:
        if self._steps is None:
            self._steps = {step.name: index for index, step in enumerate(self._spec.steps)}
        if name not in self._steps:
            message = f"{text}: there is no step {name!r}"
            raise _unresolved_reference("unresolved_reference", at, message)
        return self._steps[name]

    def _fill(self, raw: Json, section: str, step: int, at: Path) -> tuple[Json, int]:
        """A value with its references replaced, and its size."""
        if isinstance(raw, str):
            return self._fill_text(raw, section, step, at)
        if isinstance(raw, dict):
            fields = {key: self._fill(value, section, step, at) for key, value in raw.items()}
            size = size_limits.check_value(
                sum(len(key) + field[1] for key, field in fields.items()), at
            )
            return {key: field[0] for key, field in fields.items()}, size
        if isinstance(raw, list | tuple):
            items = [self._fill(value, section, step, at) for value in raw]
            return [item[0] for item in items], size_limits.check_value(
                sum(item[1] for item in items), at
            )
        return raw, 8

    def _fill_text(self, raw: str, section: str, step: int, at: Path) -> tuple[Json, int]:
        if "${" not in raw:
            return raw, size_limits.check_value(len(raw), at)
        filled = self._texts.get((raw, section, step))
        if filled is None:
            filled = self._texts[raw, section, step] = self._join(raw, section, step, at)
        return filled

    def _join(self, raw: str, section: str, step: int, at: Path) -> tuple[Json, int]:
        found = parts(raw)
        if len(found) == 1 and isinstance(found[0], Reference):
            return self._value(self._slot(found[0], section, step, at), at)
        texts: list[str] = []
        for part in found:
            text = part if isinstance(part, str) else self._text(part, section, step, at)
            if text is None:
                return UNKNOWN_UNTIL_RUN, 8
            texts.append(text)
        size = size_limits.check_value(sum(map(len, texts)), at)
        self._written += size if len(texts) > 1 else 0
        if self._written > size_limits.LARGEST_SUM:
            raise _unresolved_reference(
                "too_large", at, "the references resolve to too much text in all"
            )
        return "".join(texts), size

    def _text(self, part: Reference | Malformed, section: str, step: int, at: Path) -> str | None:
        """What a reference in a longer text reads; None where only the run will tell."""
        value, size = self._value(self._slot(part, section, step, at), at)
        size_limits.check_value(size, at)
        if value is UNKNOWN_UNTIL_RUN:
            return None
        if value is None:
            raise _unresolved_reference("unresolved_reference", at, f"{part.text} is null")
        return value if isinstance(value, str) else _json(value)


def _section(section: str, step: int) -> Path:
    return ("steps", step, section) if step >= 0 else (section,)


def _enter(node: Json, name: str, slot: Slot, asked: Path) -> Json:
    """The value one step further down the path of a slot."""
    if node is UNKNOWN_UNTIL_RUN:
        return UNKNOWN_UNTIL_RUN
    if isinstance(node, Mapping) and name in node:
        return node[name]
    if isinstance(node, list | tuple) and name.isdecimal() and int(name) < len(node):
        return node[int(name)]
    target = format_path((*_section(*slot[:2]), *slot[2]))
    raise _unresolved_reference("unresolved_reference", asked, f"there is no {target}", target)


def _json(value: Json) -> str | None:
    """A list, number or object as it reads inside a text; None where a part of it is later."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return None


def _unresolved_reference(code: str, at: Path, message: str, target: str = "") -> Unresolved:
    return Unresolved(Problem(format_path(at), code, message), target)
