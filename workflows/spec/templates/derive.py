"""Declares inputs by the parameters of apps that they fill: type, choices, default, help texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workflows.model.json_path import Path
from workflows.model.values import Json, Spec
from workflows.spec.batches.cells import find_targets
from workflows.spec.batches.template import Use
from workflows.spec.catalogue import AppSpec, Kind, Parameter
from workflows.spec.checks.apps import app_rules
from workflows.spec.checks.apps.app_ids import Apps
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.parameters import fitted_value
from workflows.spec.checks.value_view import ValueView
from workflows.spec.resolver import Resolver
from workflows.spec.templates.inputs import FILE, FOLDER, Schema

_TYPES: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "string",
    Kind.PATH: "string",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.TRUTH: "boolean",
    Kind.CHOICE: "string",
    Kind.LIST: "array",
    Kind.GROUP: "object",
}
TEXT: Final[Schema] = {"type": "string"}
"""An input that is a part of a longer text."""

_DEPTH_OF_PARAMETERS: Final = len(("steps", 0, "params", "name"))

Specs = Mapping[str, AppSpec]
"""The apps' specifications by id, for their texts."""


def derive(spec: Spec, apps: Apps, uses: Sequence[Use], specs: Specs) -> dict[str, Schema]:
    """Input to what its uses say about it; an input that fills parameters of several kinds may be
    anything, and each step checks it."""
    targets = find_targets(apps, uses)
    found: dict[str, Schema] = {}
    for use in uses:
        name = use.column
        if name in found or "." in name:
            continue
        if target := targets.get(name):
            raw = _raw(use.path, spec, specs)
            found[name] = parameter_schema(target.parameter, raw, item=target.item)
        else:
            alone = all(each.alone for each in uses if each.column == name)
            found[name] = {} if alone else TEXT
    return found


def is_needed(apps: Apps, uses: Sequence[Use], name: str) -> bool:
    """Whether an input without a value leaves a hole: in a text, or where an app requires it."""
    mine = [use for use in uses if use.column.partition(".")[0] == name]
    return any(not use.is_optional or _is_required(apps, use) for use in mine)


def _is_required(apps: Apps, use: Use) -> bool:
    """Whether it is the whole of a parameter that a step must give."""
    target = find_targets(apps, [use]).get(use.column)
    if target is None or len(use.path) != _DEPTH_OF_PARAMETERS:
        return False
    return target.parameter.required or target.parameter.id in app_rules.PLACES


def parameter_schema(
    parameter: Parameter, raw: Mapping[str, Any], *, item: bool = False, member: bool = False
) -> dict[str, Json]:
    """A parameter as JSON Schema; ``raw``: as the specification has it. ``item``: one of several
    values of it. ``member``: of a group, where apps take more choices than they list."""
    one = _one(parameter, raw, member=member)
    several = parameter.multiple and not item and parameter.kind is not Kind.LIST
    found: dict[str, Json] = {"type": "array", "items": one} if several else one
    texts = {"title": _text(raw, "label"), "description": _text(raw, "desc")}
    found = {**{name: text for name, text in texts.items() if text}, **found}
    default = None if item or member else _default(parameter)
    return found if default is None else {**found, "default": default}


def _one(parameter: Parameter, raw: Mapping[str, Any], *, member: bool) -> dict[str, Json]:
    kind, choices = parameter.kind, parameter.choices
    found: dict[str, Json] = {"type": _TYPES[kind]} if kind in _TYPES else {}
    if kind is Kind.PATH and parameter.id != "output_file":
        found["format"] = FOLDER if raw.get("type") == "folder" else FILE
    if kind in (Kind.INTEGER, Kind.NUMBER) and choices:
        found |= _range(choices)
    elif choices:
        found["examples" if member else "enum"] = list(choices)
    if parameter.members:
        members = {each["id"]: each for each in raw.get("group") or () if "id" in each}
        found["properties"] = {
            name: parameter_schema(each, members.get(name, {}), member=True)
            for name, each in parameter.members.items()
        }
        found["required"] = [name for name, each in parameter.members.items() if each.required]
    return found


def _range(choices: Sequence[str]) -> dict[str, Json]:
    """The service takes every number between the choices, too."""
    try:
        numbers = [float(choice) for choice in choices]
    except ValueError:
        return {}
    whole = [int(each) if each.is_integer() else each for each in numbers]
    return {"minimum": min(whole), "maximum": max(whole)}


def _default(parameter: Parameter) -> Json:
    """The app's default in the right type; None where there is none that can be sent."""
    if parameter.default in (None, "", []):
        return None
    noted, at = Diagnostics(), ("inputs", parameter.id)
    view = ValueView(noted, Resolver(Spec("", "", {}, ()), ()), 0)
    value = fitted_value(parameter, parameter.default, at, view)
    return None if noted.problems or noted.warnings else value


def _raw(path: Path, spec: Spec, specs: Specs) -> Mapping[str, Any]:
    """What the specification says at a place of a step's parameters."""
    _, step, _, *keys = path
    raw: Mapping[str, Any] = specs.get(spec.steps[int(step)].app, {})
    inner = "parameters"
    for key in keys:
        if isinstance(key, str):
            raw = next((each for each in raw.get(inner) or () if each.get("id") == key), {})
            inner = "group"
    return raw


def _text(raw: Mapping[str, Any], key: str) -> str:
    return " ".join(str(raw.get(key) or "").split())
