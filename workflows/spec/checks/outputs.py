"""Checks where steps write: not two to the same path, and not over an object in the Workspace.

A job writes ``<output_path>/<output_file>`` and the folder ``<output_path>/.<output_file>``; a
later attempt adds ``_attempt<n>`` to the name.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import replace

from workflows.model.errors import Problem
from workflows.model.json_path import Path, format_path
from workflows.model.values import Json, Spec
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.texts import LONGEST_NAME
from workflows.spec.checks.value_view import format_value
from workflows.spec.resolver import Resolver

_ATTEMPT = re.compile(r"_attempt\d+\Z")
_FOLDER = re.compile(r"/[^/]+/+[^/]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DOTS = re.compile(r"/\.\.?(/|\Z)")
_SLASHES = re.compile(r"//+")
Target = tuple[str, str]
"""A folder, without a slash at its end, and a name in it."""


def check_names(params: dict[str, Json], at: Path, diagnostics: Diagnostics) -> None:
    """The resolved ``output_file`` and ``output_path`` of a step, as far as they are texts."""
    name, folder = params.get("output_file"), params.get("output_path")
    if isinstance(name, str) and name and (reason := _bad_file(name)):
        hint = f"for example {_better(name)!r}"
        diagnostics.problem(
            (*at, "output_file"), "bad_output_file", f"{format_value(name)} {reason}", hint
        )
    if isinstance(folder, str) and folder:
        _check_folder(folder, (*at, "output_path"), diagnostics)


def check_apart(spec: Spec, found: list[Target | None], diagnostics: Diagnostics) -> None:
    """Reports two steps that write to the same path, later attempts included."""
    first: dict[Target, int] = {}
    for number, target in enumerate(found):
        if target is None:
            continue
        attempted = (target[0], _ATTEMPT.sub("", target[1]))
        other = first.setdefault(target, number)
        if other == number and attempted != target:
            other = first.get(attempted, number)
        if other != number:
            _say_shared(spec, number, other, target, diagnostics)


def rename_taken(spec: Spec, taken: Set[str]) -> tuple[Spec, tuple[Problem, ...]]:
    """The spec with each ``output_file`` that is taken changed to ``name_2``, ``name_3``, …

    ``taken`` holds full Workspace paths, of objects or of hidden folders. Call it before references
    are resolved for a job, so that references to the name get the new one.
    """
    found = _targets(spec)
    used = {target for target in found if target is not None}
    steps, fixes = list(spec.steps), []
    for number, target in enumerate(found):
        if target is None or not _is_taken(target, taken):
            continue
        count = 2
        while _is_taken(_add_number(target, count), taken) or _add_number(target, count) in used:
            count += 1
        used.add(_add_number(target, count))
        name = f"{steps[number].params['output_file']}_{count}"
        steps[number] = replace(steps[number], params={**steps[number].params, "output_file": name})
        folder, taken_name = format_value(target[0]), format_value(target[1])
        message = f"{taken_name} is taken in {folder} and became {format_value(name)}"
        path = format_path(("steps", number, "params", "output_file"))
        fixes.append(Problem(path, "renamed_output", message))
    return replace(spec, steps=tuple(steps)), tuple(fixes)


def folders(spec: Spec) -> frozenset[str]:
    """The Workspace folders to list before ``renamed`` knows which names are taken."""
    return frozenset(target[0] for target in _targets(spec) if target is not None)


def target(params: dict[str, Json]) -> Target | None:
    """Where a step with these resolved parameters writes; None where that is not known yet."""
    folder, name = params.get("output_path"), params.get("output_file")
    if not isinstance(folder, str) or not isinstance(name, str) or not name:
        return None
    plain = _SLASHES.sub("/", folder) if "//" in folder else folder
    return plain.rstrip("/"), name


def _targets(spec: Spec) -> list[Target | None]:
    """For each step its target; raises ``Unresolved``, but not for a validated spec."""
    values = Resolver(spec, [1] * len(spec.steps))
    names = ("output_path", "output_file")
    return [
        target({name: values.param(number, name) for name in names if name in step.params})
        for number, step in enumerate(spec.steps)
    ]


def _say_shared(
    spec: Spec, number: int, other: int, target: Target, diagnostics: Diagnostics
) -> None:
    message = f"step {spec.steps[other].name!r} writes to {format_value('/'.join(target))} as well"
    path = ("steps", number, "params", "output_file")
    diagnostics.problem(
        path, "output_conflict", message, f"for example {format_value(target[1] + '_2')}"
    )


def _is_taken(target: Target, taken: Set[str]) -> bool:
    folder, name = target
    return f"{folder}/{name}" in taken or f"{folder}/.{name}" in taken


def _add_number(target: Target, count: int) -> Target:
    return target[0], f"{target[1]}_{count}"


def _bad_file(name: str) -> str:
    """Why a job cannot store its results under a name (protocol: Workspace paths, 4.2)."""
    if "/" in name:
        return "contains '/': it is a name, the folder is output_path"
    if not name.isascii():
        return "is not ASCII, which AppService may refuse or garble"
    if ":" in name or not name.isprintable():
        return "contains ':' or control characters, which the Workspace refuses"
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    return "is no name" if not name.strip(". ") else ""


def _better(name: str) -> str:
    return re.sub(r"[^\w. -]+", "_", name, flags=re.ASCII).strip(". ")[:100] or "result"


def _check_folder(folder: str, at: Path, diagnostics: Diagnostics) -> None:
    hint = "it reads like /user@bvbrc/home/folder"
    if not _FOLDER.match(folder) or _CONTROL.search(folder):
        diagnostics.problem(
            at, "bad_output_path", f"{format_value(folder)} is no Workspace folder", hint
        )
    elif _DOTS.search(folder):
        diagnostics.problem(
            at, "bad_output_path", f"{format_value(folder)} is not a plain path", hint
        )
    elif not folder.isascii():
        message = f"{format_value(folder)} is not ASCII, which AppService may garble"
        diagnostics.warning(at, "odd_path", message)
