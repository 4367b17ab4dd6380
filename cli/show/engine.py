"""The overview of the whole engine, as admins read it: what is stuck first, numbers with units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.text import Text

from cli.show.views import make_table, moment

Json = Any
_FIRST: Final = ("at", "version", "incomplete", "stuck", "parked")
_TIMES: Final = frozenset({"at", "since", "checked_at", "heartbeat_at"})


def overview(found: Json) -> RenderableType:
    """Each list of the answer as a table, single facts as lines."""
    order = [*(name for name in _FIRST if name in found), *_others(found)]
    return Group(*(part for name in order for part in _part(name, found[name])))


def _others(found: Mapping[str, Json]) -> list[str]:
    """The parts that have no place of their own, in the order of the answer."""
    return [name for name in found if name not in _FIRST]


def _part(name: str, value: Json) -> list[RenderableType]:
    title = Text(_title(name), style="bold")
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return [Text.assemble(title, ": ", _cell(name, value))]
    table = make_table(*map(_title, value[0]))
    for each in value:
        table.add_row(*(_cell(column, each.get(column)) for column in value[0]))
    return [title, table]


def _title(name: str) -> str:
    for unit in ("_id", "_seconds", "_at"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")


def _cell(name: str, value: Json) -> str:
    if value is None or value in ([], ""):
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{_title(key)} {_cell(key, each)}" for key, each in value.items())
    if isinstance(value, list):
        return "; ".join(_cell(name, each) for each in value)
    return _measure(name, value)


def _measure(name: str, value: Json) -> str:
    """A single value with its unit."""
    if name in _TIMES:
        return moment(value)
    if name.endswith("seconds"):
        return f"{value:.1f} s"
    if name == "bytes":
        return decimal(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
