"""Conversions that apps accept although CWL's types are stricter: paths as strings, numbers as
text, one value for a list. GoWe's workflows rely on them.
"""

from __future__ import annotations

from collections.abc import Iterator

from workflows.cwl.model.types import (
    ANY,
    DIRECTORY,
    FILE,
    STRING,
    Array,
    Enum,
    Plain,
    Record,
    Type,
    members,
    without_null,
)
from workflows.cwl.model.values import Ref, Value, is_file

_NUMBERS = ("int", "long", "float", "double")


def convertible(source: Type, sink: Type) -> bool:
    """Whether values of ``source`` can be turned into what an app takes for ``sink``."""
    return any(
        _turns(one, other)
        for one in members(without_null(source))
        for other in members(without_null(sink))
    )


def _turns(source: Type, sink: Type) -> bool:
    if isinstance(sink, Array):
        inner = source.items if isinstance(source, Array) else source
        return inner == sink.items or convertible(inner, sink.items) or _same(inner, sink.items)
    if sink in (FILE, DIRECTORY):
        return source in (STRING, FILE, DIRECTORY)
    if sink == STRING or isinstance(sink, Enum):
        return _is_number(source) or source in (FILE, DIRECTORY) or source == STRING
    return _is_number(sink) and (source == STRING or isinstance(source, Enum))


def _same(source: Type, sink: Type) -> bool:
    return any(one in members(sink) for one in members(source)) or ANY in (source, sink)


def _is_number(of: Type) -> bool:
    return isinstance(of, Plain) and of.name in _NUMBERS


def coerce(value: Value, wanted: Type, *, everything: bool) -> Value:
    """The converted value, as far as it is known; ``everything`` false: only paths of files."""
    options = list(_options(wanted))
    if isinstance(value, list):
        of = next((option.items for option in options if isinstance(option, Array)), ANY)
        return [coerce(item, of, everything=everything) for item in value]
    if isinstance(value, dict) and not is_file(value):
        return _record(value, options, everything=everything)
    if value is None or isinstance(value, Ref):
        return _wrap_in_list(value, options) if everything else value
    return _scalar(value, options, everything=everything)


def _options(wanted: Type) -> Iterator[Type]:
    return (member for member in members(wanted) if member != Plain("null"))


def _record(value: dict[str, Value], options: list[Type], *, everything: bool) -> Value:
    records = [option for option in options if isinstance(option, Record)]
    if records:
        fields = records[0].fields
        return {
            key: coerce(item, fields[key].type, everything=everything) if key in fields else item
            for key, item in value.items()
        }
    lists = [o for o in options if isinstance(o, Array)] if everything else []
    return [coerce(value, lists[0].items, everything=True)] if lists else value


def _wrap_in_list(value: Value, options: list[Type]) -> Value:
    """A reference to one value, where only a list is taken."""
    if not isinstance(value, Ref) or not all(isinstance(option, Array) for option in options):
        return value
    of = [m for m in members(value.type) if m != Plain("null")]
    return value if any(isinstance(m, Array) or m == ANY for m in of) else [value]


def _scalar(value: Value, options: list[Type], *, everything: bool) -> Value:
    if isinstance(value, str) and STRING not in options and ANY not in options:
        for kind in (FILE, DIRECTORY):
            if kind in options:
                return {"class": kind.name, "location": value}
    if not everything or not options:
        return value
    first = options[0]
    if isinstance(first, Array) and all(isinstance(option, Array) for option in options):
        return [coerce(value, first.items, everything=True)]
    return _convert(value, first)


def _convert(value: Value, wanted: Type) -> Value:
    """A number as text or the reverse; a file as its path where text is wanted."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and (wanted == STRING or isinstance(wanted, Enum)):
        return str(value)
    if isinstance(value, dict):
        if wanted == STRING:
            return value.get("path", value)
        return {**value, "class": wanted.name} if wanted in (FILE, DIRECTORY) else value
    if isinstance(value, str) and isinstance(wanted, Plain) and wanted.name in _NUMBERS:
        return _number(value, wanted.name)
    return value


def _number(text: str, name: str) -> Value:
    try:
        return int(text) if name in ("int", "long") else float(text)
    except ValueError:
        return text
