"""Forecasts on the screen."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Json = Any
_STEPS: Final = 50


def of_workflow(found: Json) -> RenderableType:
    """The sentence, then the steps that are to come."""
    parts: list[RenderableType] = [Text(found["message"])]
    if found["end"]:
        parts.append(_ends(found))
        parts.append(Text("Critical path: " + " → ".join(found["critical_path"])))
        parts.append(_steps(found["steps"]))
    return Group(*parts)


def of_batch(found: Json) -> RenderableType:
    """The sentence and the end."""
    return Group(Text(found["message"]), *([_ends(found)] if found["end"] else []))


def moment(text: str) -> str:
    """In the reader's own time zone, which it names, to the minute."""
    return datetime.fromisoformat(text).astimezone().isoformat(" ", "minutes")


def _ends(found: Json) -> Text:
    end = found["end"]
    return Text(f"Likely end: {moment(end['p50'])}; nine in ten before {moment(end['p90'])}")


def _steps(steps: list[Json]) -> Table:
    table = Table("step", "app", "starts", "ends", "nine in ten before", box=None, pad_edge=False)
    for each in steps[:_STEPS]:
        times = (each["start"]["p50"], each["end"]["p50"], each["end"]["p90"])
        table.add_row(each["step_name"], each["app"], *map(moment, times))
    if len(steps) > _STEPS:
        table.add_row(f"and {len(steps) - _STEPS} more")
    return table
