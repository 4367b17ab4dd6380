"""A scripted agent: it repairs a workflow by the answers of the tools alone, with a fixed policy.

It knows nothing about workflows but what tool descriptions, problems and ``describe_app`` say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Json = Any
Problem = Mapping[str, str]
Describe = Callable[[str], Mapping[str, Json]]
QUOTED = r"'((?:[^'\\]|\\.)*)'"


def repair(workflow: dict[str, Json], problems: list[Problem], describe: Describe) -> None:
    """Follows the suggestion of each problem, in order."""
    for problem in problems:
        place = _walk(workflow, problem["path"])
        if place is not None:
            _follow(workflow, problem, *place, describe)


def _follow(
    workflow: dict[str, Json], problem: Problem, at: Json, key: Json, describe: Describe
) -> None:
    hint = problem["suggestion"]
    reference = re.search(r"did you mean (\$\{[^}]*\})", hint)
    meant = re.search(rf"(?:did you mean|for example|write|as in|use) {QUOTED}", hint)
    slip = re.search(rf"(?:meant by|was) {QUOTED}(?: meant by {QUOTED})?", hint)
    known = re.search(rf"(?:known are|usual are|the steps are|one of) {QUOTED}", hint)
    gone = "no such field" in problem["message"]
    if slip and slip.group(2):
        _rename(at, key, slip.group(2), slip.group(1))
    elif slip and isinstance(at, dict):
        at[key] = at.pop(slip.group(1))
    elif gone and meant:
        at[meant.group(1)] = at.pop(key)
    elif gone:
        _move_to_params(at, key)
    elif reference and isinstance(at[key], str):
        at[key] = _with_reference(at[key], problem["message"], reference.group(1))
    elif meant or known:
        _replace(at, key, problem["message"], (meant or known).group(1))  # type: ignore[union-attr]
    else:
        _give(workflow, problem, at, key, describe)


def _walk(workflow: Json, path: str) -> tuple[Json, Json] | None:
    """The container of a path, and its key there."""
    keys = [
        int(number) if number else name or quoted
        for number, quoted, name in re.findall(r"\[(\d+)\]|\['([^']*)'\]|([\w-]+)", path)
    ]
    at = workflow
    for key in keys[:-1]:
        try:
            at = at[key]
        except (KeyError, IndexError, TypeError):
            return None
    return (at, keys[-1]) if keys else None


def _rename(at: Json, key: Json, old: str, new: str) -> None:
    target = at[key] if isinstance(at, dict) and isinstance(at.get(key), dict) else at
    target[new] = target.pop(old)


def _move_to_params(at: dict[str, Json], key: str) -> None:
    value = at.pop(key)
    if "params" in at:
        at["params"][key] = value


def _with_reference(text: str, message: str, reference: str) -> str:
    wrong = re.search(r"\$\{[^}]*\}?", message)
    return text.replace(wrong.group(0), reference) if wrong else reference


def _replace(at: Json, key: Json, message: str, value: str) -> None:
    """Puts the suggested name in the place of the value, or of the name inside of a reference."""
    old = at[key] if not isinstance(at, dict) or key in at else None
    wrong = re.search(rf"(?:no (?:step|output|parameter)|has no) (?:\w+ )?{QUOTED}", message)
    if isinstance(old, str) and wrong and "${" in old:
        at[key] = re.sub(rf"\b{re.escape(wrong.group(1))}\b", value, old)
    else:
        at[key] = value


def _give(
    workflow: dict[str, Json], problem: Problem, at: Json, key: Json, describe: Describe
) -> None:
    """Takes what is missing, or of the wrong kind, from the example of the app."""
    step = re.match(r"steps\[(\d+)\]\.params", problem["path"])
    if step is None:
        _give_field(problem, at, key)
        return
    described = describe(workflow["steps"][int(step.group(1))]["app"])
    example = described["example"]["steps"][0]["params"]
    if problem["code"] == "missing_input":
        names = re.findall(QUOTED, problem["suggestion"]) or [key]
        params = at[key] if key == "params" else at
        name = next((each for each in names if each in example), names[0])
        params[name] = example.get(name, "/user@bvbrc/home/file")
    elif key in example:
        at[key] = example[key]
    else:
        kinds = {each["name"]: each["type"] for each in described["parameters"]}
        defaults = {each["name"]: each["default"] for each in described["parameters"]}
        if defaults.get(key) is not None:
            at[key] = defaults[key]
        elif key in kinds or isinstance(at, list):
            del at[key]


FIELDS: Mapping[str, Json] = {
    "workflow_name": "repaired",
    "version": "1.0",
    "base_url": "https://www.bv-brc.org",
    "workspace_output_folder": "/user@bvbrc/home/output",
    "base_context": {
        "base_url": "https://www.bv-brc.org",
        "workspace_output_folder": "/user@bvbrc/home/output",
    },
    "params": {},
    "step_name": "step",
}
"""What the description of validate_workflow says that a workflow has."""


def _give_field(problem: Problem, at: Json, key: Json) -> None:
    if problem["code"] in ("missing_field", "wrong_type", "bad_url", "bad_name") and key in FIELDS:
        at[key] = FIELDS[key]
    elif isinstance(at, (dict, list)):
        del at[key]
