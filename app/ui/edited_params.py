"""Parameters of steps as texts that a person edits; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from workflows.engine.changed_retry import Changes
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.values import Json, StepSpec


def format_params(step: StepSpec) -> str:
    return json.dumps(step.params, indent=2, ensure_ascii=False)


def read_changes(steps: Sequence[StepSpec], texts: Mapping[int, str]) -> Changes | None:
    """What differs from the steps' parameters; None where nothing does. Empty texts change nothing.

    Raises ``Invalid`` for a text that is no JSON object.
    """
    problems: list[Problem] = []
    params: dict[str, dict[str, Json]] = {}
    for step, text in texts.items():
        try:
            given = json.loads(text) if text.strip() else dict(steps[step].params)
        except (ValueError, RecursionError) as error:
            given = str(error)
        if not isinstance(given, dict):
            path = format_path(("params", steps[step].name))
            problems.append(Problem(path, "bad_json", f"it must be a JSON object: {given}"))
        elif changed := _compare(steps[step].params, given):
            params[steps[step].name] = changed
    if problems:
        raise Invalid(problems)
    return Changes(params, ()) if params else None


def _compare(before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters that are new or other, and None for those that are gone."""
    changed = {
        name: value for name, value in after.items() if name not in before or before[name] != value
    }
    return changed | dict.fromkeys(before.keys() - after.keys())
