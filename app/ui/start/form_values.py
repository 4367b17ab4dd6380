"""The texts of a form as the values of parameters, and back; pure.

A form's control is named ``p.<parameter>``; a member of a group ``p.<parameter>.<member>``, and of
one of several groups ``p.<parameter>.<key>.<member>``. Keys are numbers that stay as they are when
another group is removed. Nothing is checked here: a text that is no number stays a text, and
validation says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeGuard

from app.ui.start.widgets import Widget, widget_of
from workflows.model.values import Json
from workflows.spec.catalogue import Kind, Parameter

Texts = Mapping[str, str]
"""Name of a control to what is in it."""
Parameters = Mapping[str, Parameter]
PREFIX: Final = "p."
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_SCALARS: Final = (str, int, float)


def control(*parts: str | int) -> str:
    """The name of a control."""
    return PREFIX + ".".join(map(str, parts))


def row_keys(texts: Texts, parameter: str) -> list[int]:
    """The keys of the groups that a form has for a parameter, in their order."""
    begin = f"{control(parameter)}."
    keys = (name[len(begin) :].partition(".")[0] for name in texts if name.startswith(begin))
    return sorted({int(key) for key in keys if key.isascii() and key.isdecimal() and len(key) < 6})  # noqa: PLR2004 - digits


def add_row(texts: Texts, parameter: Parameter) -> dict[str, str]:
    """The texts with one more group of the parameter."""
    key = max(row_keys(texts, parameter.id), default=-1) + 1
    member = () if widget_of(parameter) is Widget.RUNS else (next(iter(parameter.members)),)
    return {**texts, control(parameter.id, key, *member): ""}


def drop_row(texts: Texts, parameter: str, key: str) -> dict[str, str]:
    """The texts without one group of the parameter."""
    name = control(parameter, key)
    return {
        each: text
        for each, text in texts.items()
        if each != name and not each.startswith(f"{name}.")
    }


def read_values(parameters: Parameters, texts: Texts) -> dict[str, Json]:
    """What is given for each parameter; one whose controls are empty is left out."""
    found = {name: _read(parameter, name, texts) for name, parameter in parameters.items()}
    return {name: value for name, value in found.items() if value is not None}


def filled_rows(parameter: Parameter, texts: Texts) -> list[int]:
    """The keys of the groups that become values, in the order of the values. A group without any
    value counts, so that validation can say what it lacks; an accession without one does not.
    """
    keys = row_keys(texts, parameter.id)
    if widget_of(parameter) is not Widget.RUNS:
        return keys
    return [key for key in keys if _text(texts, control(parameter.id, key))]


def _read(parameter: Parameter, name: str, texts: Texts) -> Json | None:
    match widget_of(parameter):
        case Widget.RUNS:
            keys = filled_rows(parameter, texts)
            return [_text(texts, control(name, key)) for key in keys] or None
        case Widget.GROUPS:
            keys = filled_rows(parameter, texts)
            return [_members(parameter, f"{name}.{key}", texts) for key in keys] or None
        case Widget.GROUP:
            return _members(parameter, name, texts) or None
        case _:
            return _value(parameter, texts.get(control(name), ""))


def _members(parameter: Parameter, name: str, texts: Texts) -> dict[str, Json]:
    found = {
        each: _value(member, texts.get(control(name, each), ""))
        for each, member in parameter.members.items()
    }
    return {each: value for each, value in found.items() if value is not None}


def _value(parameter: Parameter, raw: str) -> Json | None:
    text, widget = raw.strip(), widget_of(parameter)
    if not text:
        return None
    if widget is Widget.LINES:
        return _lines(text)
    if widget is Widget.TRUTH:
        return _TRUTHS.get(text.lower(), text)
    if widget is Widget.JSON or (parameter.kind is Kind.ANY and text[0] in "[{"):
        return _parse(text)
    is_number = parameter.kind in (Kind.INTEGER, Kind.NUMBER, Kind.ANY)
    return _number(text) if is_number else text


def _lines(text: str) -> Json:
    """One value a line; a list may also be written as JSON."""
    found = _parse(text) if text.startswith("[") else text
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    return found if isinstance(found, list) else lines


def _parse(text: str) -> Json:
    try:
        found: Json = json.loads(text, parse_constant=lambda word: word)
    except (ValueError, RecursionError):
        return text
    return found


def _number(text: str) -> Json:
    """The number that a text writes; any other text as it is."""
    found = _parse(text)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if is_number else text


def write_values(
    parameters: Parameters, values: Mapping[str, Json]
) -> tuple[dict[str, str], dict[str, Json]]:
    """The texts of the controls for these values, and the values that no control can show."""
    texts: dict[str, str] = {}
    others: dict[str, Json] = {}
    for name, value in values.items():
        parameter = parameters.get(name)
        written = dict(_write(parameter, name, value)) if parameter else {}
        read = read_values({name: parameter}, written).get(name) if parameter else None
        if read is not None and read in (value, [value]):
            texts |= written
        else:
            others[name] = value
    return texts, others


def _write(parameter: Parameter, name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The controls of a value; what they cannot show is written so that it does not read back."""
    widget = widget_of(parameter)
    items: Iterable[tuple[int, Any]] = enumerate(value if isinstance(value, list) else [value])
    if widget is Widget.RUNS:
        yield from ((control(name, key), _write_text(widget, item)) for key, item in items)
    elif widget is Widget.GROUPS:
        for key, item in items:
            yield from _write_members(parameter, f"{name}.{key}", item)
    elif widget is Widget.GROUP:
        yield from _write_members(parameter, name, value)
    else:
        yield control(name), _write_text(widget, value)


def _write_members(parameter: Parameter, name: str, value: Any) -> Iterator[tuple[str, str]]:
    for each, inner in value.items() if isinstance(value, dict) else ():
        if each in parameter.members:
            widget = widget_of(parameter.members[each])
            yield control(name, each), _write_text(widget, inner)


def _write_text(widget: Widget, value: Json) -> str:
    if widget is Widget.LINES and isinstance(value, list) and _are_texts(value):
        return "\n".join(value)
    if isinstance(value, str) and widget is not Widget.JSON:
        return value
    return json.dumps(value, ensure_ascii=False)


def _are_texts(values: list[Any]) -> TypeGuard[list[str]]:
    return all(isinstance(each, str) for each in values)


def _text(texts: Texts, name: str) -> str:
    return texts.get(name, "").strip()
