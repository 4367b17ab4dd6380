"""The inputs of a template: a JSON Schema (2020-12) of one object, of which a part is used.

An input has one ``type`` (or none: any value), texts for people (``title``, ``description``,
``examples``), a ``default``, choices (``enum``), limits, and for lists and objects the same of what
they hold. Keywords that cannot be shown as a form, or cost unbounded time (``pattern``), are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.catalogue import Kind, Parameter
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names

INPUTS: Final = "inputs"
"""Inputs are in base_context under this name: ``${inputs.x}`` is an ordinary reference."""
SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
FILE, FOLDER = "workspace-path", "workspace-folder"
"""Values of ``format``: a path in the Workspace."""
MOST_INPUTS: Final = 200
DEEPEST: Final = 4
"""Levels of lists and objects in an input."""

Schema = Mapping[str, Any]

_KINDS: Final[Mapping[str, Kind]] = {
    "string": Kind.TEXT,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "boolean": Kind.TRUTH,
    "array": Kind.LIST,
    "object": Kind.GROUP,
}
_LIMITS: Final = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_TEXTS: Final = ("title", "description", "format")
_KEYWORDS: Final = (
    *("type", *_TEXTS, "default", "examples", "enum", *_LIMITS),
    *("items", "properties", "required", "additionalProperties"),
)
_AROUND: Final = (
    *("$schema", "type", "title", "description"),
    *("properties", "required", "additionalProperties"),
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_EXPECTED: Final[Mapping[str, tuple[type | tuple[type, ...], str]]] = {
    **dict.fromkeys(_TEXTS, (str, "a text")),
    **dict.fromkeys(("minimum", "maximum"), ((int, float), "a number")),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), (int, "an integer")),
    **dict.fromkeys(("examples", "enum", "required"), (list, "a list")),
    **dict.fromkeys(("items", "properties"), (dict, "an object")),
    "additionalProperties": (bool, "true or false"),
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one template, in the order in which they are shown."""

    properties: Mapping[str, Schema]
    required: tuple[str, ...] = ()

    def as_schema(self) -> dict[str, Json]:
        return {
            "$schema": SCHEMA,
            "type": "object",
            "properties": {name: dict(schema) for name, schema in self.properties.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }

    def example(self) -> dict[str, Json] | None:
        """The first example or else the default of each input; None if a required one has none."""
        found: dict[str, Json] = {}
        for name, schema in self.properties.items():
            if schema.get("examples"):
                found[name] = schema["examples"][0]
            elif schema.get("default") is not None:
                found[name] = schema["default"]
            elif name in self.required:
                return None
        return found


def inputs_from(schema: Mapping[str, Any]) -> Inputs:
    """The inputs of a schema that ``as_schema`` made."""
    return Inputs(schema["properties"], tuple(schema["required"]))


def read_inputs(value: Json, diagnostics: Diagnostics) -> Inputs:
    """The inputs that an author declares; reports everything that is not used here."""
    at: Path = (INPUTS,)
    if value is None:
        return Inputs({})
    if not isinstance(value, dict):
        hint = "it is a JSON Schema: {properties: {reads: {type: 'string'}}, required: ['reads']}"
        diagnostics.problem(at, "wrong_type", "it must be an object", hint)
        return Inputs({})
    _refuse_unknown(value, _AROUND, at, diagnostics)
    properties = value.get("properties") or {}
    if not isinstance(properties, dict) or len(properties) > MOST_INPUTS:
        message = f"it must be an object with at most {MOST_INPUTS} inputs"
        diagnostics.problem((*at, "properties"), "wrong_type", message)
        return Inputs({})
    for name, schema in properties.items():
        _check_name(name, (*at, "properties", name), diagnostics)
        _check(schema, (*at, "properties", name), diagnostics, DEEPEST)
    return Inputs(properties, _read_required(value, properties, at, diagnostics))


def _check_name(name: str, at: Path, diagnostics: Diagnostics) -> None:
    if not _NAME.fullmatch(name):
        message = "an input is named by letters, digits and _, and begins with no digit"
        diagnostics.problem(at, "bad_name", message)


def _read_required(
    value: Mapping[str, Json], properties: Mapping[str, Json], at: Path, diagnostics: Diagnostics
) -> tuple[str, ...]:
    required = value.get("required") or []
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        diagnostics.problem((*at, "required"), "wrong_type", "it must be a list of names")
        return ()
    for place, name in enumerate(required):
        if name not in properties:
            hint = did_you_mean(name, properties)
            message = f"there is no input {name!r}"
            diagnostics.problem((*at, "required", place), "unknown_input", message, hint)
    return tuple(dict.fromkeys(required))


def _check(schema: Json, at: Path, diagnostics: Diagnostics, levels: int) -> None:
    """Checks the declaration of an input, or of what it holds."""
    if not isinstance(schema, dict):
        diagnostics.problem(at, "wrong_type", "a declaration is an object, such as {type: string}")
        return
    if not levels:
        diagnostics.problem(at, "too_deep", f"an input has at most {DEEPEST} levels")
        return
    _refuse_unknown(schema, _KEYWORDS, at, diagnostics)
    _check_type(schema, at, diagnostics)
    for name, (kind, words) in _EXPECTED.items():
        given = schema.get(name)
        if given is not None and (isinstance(given, bool) != (kind is bool)) | (
            not isinstance(given, kind)
        ):
            diagnostics.problem((*at, name), "wrong_type", f"it must be {words}")
            return
    if "items" in schema:
        _check(schema["items"], (*at, "items"), diagnostics, levels - 1)
    for name, inner in (schema.get("properties") or {}).items():
        _check(inner, (*at, "properties", name), diagnostics, levels - 1)


def _check_type(schema: Mapping[str, Json], at: Path, diagnostics: Diagnostics) -> None:
    word = schema.get("type")
    if word is not None and word not in _KINDS:
        hint = f"known are {list_names(_KINDS)}"
        diagnostics.problem((*at, "type"), "invalid_choice", "it is no type of inputs", hint)


def _refuse_unknown(
    found: Mapping[str, Json], known: tuple[str, ...], at: Path, diagnostics: Diagnostics
) -> None:
    for name in found:
        if name not in known:
            hint = did_you_mean(name, known) or f"known are {list_names(known)}"
            diagnostics.problem((*at, name), "unknown_field", "there is no such keyword", hint)


def parameter_of(name: str, schema: Schema) -> Parameter:
    """An input as a parameter, so that it is checked and corrected as those of apps are."""
    word = schema.get("type")
    items = schema.get("items")
    if word == "array" and isinstance(items, dict) and items.get("type") != "array":
        return replace(parameter_of(name, items), multiple=True)
    return Parameter(
        id=name,
        kind=_kind(schema),
        choices=tuple(map(str, schema.get("enum") or ())),
        members={
            each: replace(
                parameter_of(each, inner), required=each in (schema.get("required") or ())
            )
            for each, inner in (schema.get("properties") or {}).items()
        },
    )


def _kind(schema: Schema) -> Kind:
    word = schema.get("type")
    if word == "string" and schema.get("enum"):
        return Kind.CHOICE
    if word == "string" and schema.get("format") in (FILE, FOLDER):
        return Kind.PATH
    return _KINDS.get(word or "", Kind.ANY)
