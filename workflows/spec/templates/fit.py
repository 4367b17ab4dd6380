"""The values of a template's inputs, in their types; reports unknown, missing and bad ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflows.model.json_path import Path
from workflows.model.values import Json, Spec
from workflows.spec.checks import texts
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.parameters import fitted_value
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.checks.value_view import ValueView, format_value
from workflows.spec.resolver import Resolver
from workflows.spec.templates.inputs import FILE, FOLDER, INPUTS, Inputs, Schema, parameter_of

_NO_SPEC: Final = Spec("", "", {}, ())


def fit_inputs(inputs: Inputs, given: Json, diagnostics: Diagnostics) -> dict[str, Json]:
    """Input to value, defaults included; an optional input without one is left out. An empty text
    and null are no values."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        diagnostics.problem((INPUTS,), "wrong_type", "it must be an object: input to value")
        return {}
    before = len(diagnostics.problems)
    texts.check(given, (INPUTS,), diagnostics)
    if len(diagnostics.problems) > before:
        return {}
    strange = refuse_unknown(inputs, given, diagnostics)
    values: dict[str, Json] = {}
    for name, schema in inputs.properties.items():
        value = given.get(name)
        if value is None or value == "":
            value = schema.get("default")
        if value is not None:
            values[name] = fit_value(name, schema, value, (INPUTS, name), diagnostics)
        elif name in inputs.required:
            report_missing(name, schema, strange, (INPUTS, name), diagnostics)
    return values


def check_values(inputs: Inputs, diagnostics: Diagnostics) -> None:
    """Reports defaults and examples that do not fit their own inputs."""
    for name, schema in inputs.properties.items():
        at: Path = (INPUTS, "properties", name)
        if schema.get("default") is not None:
            fit_value(name, schema, schema["default"], (*at, "default"), diagnostics)
        for place, example in enumerate(schema.get("examples") or ()):
            fit_value(name, schema, example, (*at, "examples", place), diagnostics)


def refuse_unknown(
    inputs: Inputs, given: Mapping[str, Json], diagnostics: Diagnostics
) -> list[str]:
    """Reports the given names that are no inputs, and returns them."""
    strange = [name for name in given if name not in inputs.properties]
    for name in strange:
        hint = did_you_mean(name, inputs.properties) or _list_inputs(inputs)
        diagnostics.problem(
            (INPUTS, name), "unknown_input", f"the template has no input {name!r}", hint
        )
    return strange


def _list_inputs(inputs: Inputs) -> str:
    return f"its inputs are {list_names(inputs.properties)}" if inputs.properties else "it has none"


def report_missing(
    name: str, schema: Schema, strange: list[str], at: Path, diagnostics: Diagnostics
) -> None:
    """``strange``: given names that are no inputs, one of which may be a slip for it."""
    near = did_you_mean(name, strange).replace("did you mean", "was it meant by")
    about = schema.get("title") or schema.get("description") or ""
    message = f"it is required: {about}" if about else "it is required"
    diagnostics.problem(at, "missing_input", message, near or _describe_expected(schema))


def _describe_expected(schema: Schema) -> str:
    if schema.get("enum"):
        return f"give one of {list_names(list(map(str, schema['enum'])))}"
    if schema.get("examples"):
        return f"for example {format_value(schema['examples'][0])}"
    words = {"array": "a list", "object": "an object", "integer": "an integer", "string": "a text"}
    word = schema.get("type")
    return f"give {words.get(word, 'a ' + word)}" if word else "give a value"


def fit_value(name: str, schema: Schema, value: Json, at: Path, diagnostics: Diagnostics) -> Json:
    """One value in the type of its input."""
    if any("${" in text for text in _texts(value)):
        message = "an input is a plain value: ${…} is not resolved in it"
        diagnostics.problem(at, "reference_in_input", message, "write references in the template")
        return value
    before = len(diagnostics.problems)
    view = ValueView(diagnostics, Resolver(_NO_SPEC, ()), 0)
    fitted = fitted_value(parameter_of(name, schema), value, at, view)
    if len(diagnostics.problems) == before:
        check_limits(schema, fitted, at, diagnostics)
    return fitted


def check_limits(schema: Schema, value: Json, at: Path, diagnostics: Diagnostics) -> None:
    """Reports values out of range, also those within lists and objects."""
    if reason := _out_of_range(schema, value):
        diagnostics.problem(at, "out_of_range", f"{format_value(value)} {reason}", _range(schema))
    if schema.get("type") != "string" and schema.get("enum") and value not in schema["enum"]:
        hint = f"known are {list_names(list(map(str, schema['enum'])))}"
        diagnostics.problem(at, "invalid_choice", "it is not a known choice", hint)
    if schema.get("format") in (FILE, FOLDER) and isinstance(value, str):
        _check_path(value, at, diagnostics)
    for key, inner, part in _parts(schema, value):
        check_limits(inner, part, (*at, key), diagnostics)


def _parts(schema: Schema, value: Json) -> Iterator[tuple[str | int, Schema, Json]]:
    """What a list or an object holds: its place, its declaration, its value."""
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        yield from ((place, schema["items"], item) for place, item in enumerate(value))
    if isinstance(value, dict):
        known = schema.get("properties") or {}
        yield from ((key, known[key], part) for key, part in value.items() if key in known)


def _out_of_range(schema: Schema, value: Json) -> str:
    """Why a value is out of its range; empty if it is in it."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        return _compare(value, schema.get("minimum"), schema.get("maximum"), "")
    if isinstance(value, str):
        limits = schema.get("minLength"), schema.get("maxLength")
        return _compare(len(value), *limits, " characters")
    if isinstance(value, list):
        return _compare(len(value), schema.get("minItems"), schema.get("maxItems"), " items")
    return ""


def _compare(amount: float, least: float | None, most: float | None, unit: str) -> str:
    if least is not None and amount < least:
        return f"is below {least}" if not unit else f"has fewer than {least}{unit}"
    if most is not None and amount > most:
        return f"is above {most}" if not unit else f"has more than {most}{unit}"
    return ""


def _range(schema: Schema) -> str:
    least = next((schema[key] for key in ("minimum", "minLength", "minItems") if key in schema), "")
    most = next((schema[key] for key in ("maximum", "maxLength", "maxItems") if key in schema), "")
    if least == "" or most == "":
        return f"at most {most}" if least == "" else f"at least {least}"
    return f"from {least} to {most}"


def _check_path(value: str, at: Path, diagnostics: Diagnostics) -> None:
    if not value.startswith("/"):
        message = f"{format_value(value)} is a relative path"
        hint = "write it in full, as /user@bvbrc/home/folder/file"
        diagnostics.problem(at, "relative_path", message, hint)


def _texts(value: Any) -> Iterator[str]:
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            rest += [*each, *each.values()]
        elif isinstance(each, list):
            rest += each
