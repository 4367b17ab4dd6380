"""Which JSON values are of a type, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workflows.cwl.model.problems import did_you_mean
from workflows.cwl.model.types import Array, Enum, Plain, Record, Type, Union, members, without_null
from workflows.cwl.model.values import Gap, Ref, Value

Key = str | int
_BITS = {"int": 32, "long": 64}


@dataclass(frozen=True, slots=True)
class Misfit:
    """One place inside of a value, and what is wrong there."""

    path: tuple[Key, ...]
    message: str
    suggestion: str = ""


def misfits(value: Value, wanted: Type, path: tuple[Key, ...] = ()) -> Iterator[Misfit]:
    """The reasons why the value is not of that type; none if it is. References are not checked."""
    if isinstance(value, (Ref, Gap)):
        return
    options = members(wanted)
    reasons = [list(_against(value, option, path)) for option in options]
    if not all(reasons):
        return
    yield _best(value, wanted, path, reasons)


def _best(value: Value, wanted: Type, path: tuple[Key, ...], reasons: list[list[Misfit]]) -> Misfit:
    """The most telling reason: one from deep inside, else what was expected as a whole."""
    deepest = max((reason[0] for reason in reasons), key=lambda misfit: len(misfit.path))
    if len(deepest.path) > len(path) or not isinstance(wanted, Union):
        return deepest
    if value is not None and len(members(without_null(wanted))) == 1:
        return next(r[0] for o, r in zip(members(wanted), reasons, strict=True) if str(o) != "null")
    return Misfit(path, f"{wanted} is expected, not {format_value(value)}")


def _against(value: Value, wanted: Type, path: tuple[Key, ...]) -> Iterator[Misfit]:
    if isinstance(wanted, Array):
        yield from _array(value, wanted, path)
    elif isinstance(wanted, Enum):
        yield from _enum(value, wanted, path)
    elif isinstance(wanted, Record):
        yield from _record(value, wanted, path)
    elif isinstance(wanted, Union):
        yield from misfits(value, wanted, path)
    elif not _plain(value, wanted):
        yield Misfit(path, f"{wanted} is expected, not {format_value(value)}")


def _array(value: Value, wanted: Array, path: tuple[Key, ...]) -> Iterator[Misfit]:
    if not isinstance(value, list):
        yield Misfit(path, f"a list ({wanted}) is expected, not {format_value(value)}")
        return
    for index, item in enumerate(value):
        yield from misfits(item, wanted.items, (*path, index))


def _enum(value: Value, wanted: Enum, path: tuple[Key, ...]) -> Iterator[Misfit]:
    if isinstance(value, str) and value in wanted.symbols:
        return
    hint = did_you_mean(str(value), wanted.symbols)
    yield Misfit(path, f"{format_value(value)} is none of the symbols", hint)


def _record(value: Value, wanted: Record, path: tuple[Key, ...]) -> Iterator[Misfit]:
    if not isinstance(value, dict) or ("class" in value and "class" not in wanted.fields):
        yield Misfit(
            path, f"a record ({', '.join(wanted.fields)}) is expected, not {format_value(value)}"
        )
        return
    for name, parameter in wanted.fields.items():
        if name not in value or value[name] is None:
            hint = did_you_mean(name, set(value) - set(wanted.fields))
            if any(misfits(None, parameter.type)) and parameter.default is None:
                yield Misfit(path, f"the field '{name}' is missing", hint)
        else:
            yield from misfits(value[name], parameter.type, (*path, name))


def _plain(value: Value, wanted: Plain) -> bool:
    name = wanted.name
    if name == "Any":
        return value is not None
    if name in ("File", "Directory"):
        return isinstance(value, dict) and value.get("class") == name
    if name in _BITS:
        half = 1 << (_BITS[name] - 1)
        return isinstance(value, int) and not isinstance(value, bool) and -half <= value < half
    checks = {
        "null": value is None,
        "boolean": isinstance(value, bool),
        "string": isinstance(value, str),
        "float": _is_number(value),
        "double": _is_number(value),
    }
    return checks[name]


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def format_value(value: Value) -> str:
    """A value in a message: short, and never more than its beginning."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"a {value['class']}" if isinstance(value.get("class"), str) else "a map"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    short = 60
    return text if len(text) <= short else f"{text[:short]}…"
