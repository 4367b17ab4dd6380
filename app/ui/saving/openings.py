"""Which values of a workflow may be left open as inputs of a template, and the template that has
them open; pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflows.model.values import Json
from workflows.spec.batches.table import SAMPLE
from workflows.spec.batches.template import FOLDER
from workflows.spec.reference_syntax import references
from workflows.spec.templates.inputs import INPUTS

MOST: Final = 200
"""Values that the page offers; of more, those of the first steps."""
_OUTPUT_PATH: Final = "output_path"
_OF_ROWS: Final = ("batch", SAMPLE)
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Opening:
    """A parameter whose value may become an input."""

    step: int
    step_name: str
    parameter: str
    value: Json
    name: str = ""
    """Of the input; empty: the value stays."""

    @property
    def control(self) -> str:
        """The name of its control."""
        return f"open.{self.step}.{self.parameter}"

    @property
    def text(self) -> str:
        """Its value, cut to what a person reads."""
        found = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return found if len(found) <= _LONGEST else f"{found[:_LONGEST]}…"


def find_openings(document: Mapping[str, Any], texts: Mapping[str, str]) -> list[Opening]:
    """The parameters with plain values; ``texts``: the controls with the names of inputs."""
    found: list[Opening] = []
    for number, step in enumerate(_steps(document)):
        for parameter, value in step["params"].items():
            if parameter == _OUTPUT_PATH or any(True for _ in references(value)):
                continue
            opening = Opening(number, str(step.get("step_name", "")), parameter, value)
            name = texts.get(opening.control, "").strip()
            found.append(Opening(number, opening.step_name, parameter, value, name))
    return found[:MOST]


def _steps(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    steps = document.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and isinstance(step.get("params"), dict):
            yield step


def open_values(
    document: Mapping[str, Any], openings: Iterable[Opening]
) -> tuple[dict[str, Json], dict[str, Json]]:
    """The workflow of the template, and its inputs as declared: the values become examples.

    It names no folder: who uses the template does.
    """
    found = copy.deepcopy(dict(document))
    context = dict(found.get("base_context") or {})
    declared = _examples(context.pop(INPUTS, None))
    for name in (FOLDER, SAMPLE):
        context.pop(name, None)
    for opening in openings:
        if opening.name:
            step = list(_steps(found))[opening.step]
            step["params"][opening.parameter] = f"${{{INPUTS}.{opening.name}}}"
            declared.setdefault(opening.name, {"examples": [opening.value]})
    labels = found.pop("labels", None) or {}
    kept = {name: text for name, text in labels.items() if name not in _OF_ROWS}
    found |= {"base_context": context, **({"labels": kept} if kept else {})}
    return found, declared


def _examples(values: Json) -> dict[str, Json]:
    """The inputs of a workflow that was made from a template itself."""
    if not isinstance(values, dict):
        return {}
    return {name: {"examples": [value]} for name, value in values.items()}


def suggest_names(openings: Sequence[Opening]) -> dict[str, str]:
    """Control to a name: the parameter's own, with the step's where several steps have it."""
    counts: dict[str, int] = {}
    for each in openings:
        counts[each.parameter] = counts.get(each.parameter, 0) + 1
    return {
        each.control: each.parameter
        if counts[each.parameter] == 1
        else f"{each.step_name}_{each.parameter}".replace("-", "_")
        for each in openings
    }
