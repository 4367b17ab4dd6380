"""Draws a workflow's graph as boxes and lines, without states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from app.ui.drawing.grouping import group_steps
from app.ui.drawing.layout import Edge, Sizes, arrange
from app.ui.formatting import format_count, short
from workflows.model.values import StepSpec
from workflows.store.byte_cache import ByteCache
from workflows.store.workflows import specs

_ROOMY: Final = Sizes()
_COMPACT: Final = Sizes(width=170, height=24, column_gap=44, row_gap=5)
_MANY: Final = 60
"""From so many nodes on each has one line only."""
_MARGIN: Final = 8
_KEPT_BYTES: Final = 16 * 1024 * 1024
"""What the drawings that a process keeps may take in memory together."""
_BYTES_A_BOX: Final = 500


@dataclass(frozen=True, slots=True)
class Box:
    """One node: a step, or several of one kind."""

    x: int
    y: int
    steps: tuple[int, ...]
    title: str
    """What fits in."""
    name: str
    """All of it."""
    app: str
    waits: bool
    """An arrow ends here."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """In pixels; ``lines`` is an SVG path."""

    width: int
    height: int
    box: tuple[int, int]
    compact: bool
    boxes: tuple[Box, ...]
    lines: str


def drawing(spec_id: str) -> Drawing:
    """Of a spec, which never changes. Raises ``NotFound``."""
    return _kept(spec_id)


def _draw(spec_id: str) -> tuple[Drawing, int]:
    """The drawing, and what it takes in memory."""
    blueprint = specs.get(spec_id)
    steps = blueprint.spec.steps
    nodes = group_steps(blueprint.dag.needs, [step.app for step in steps])
    compact = len(nodes.members) > _MANY
    sizes = _COMPACT if compact else _ROOMY
    layout = arrange(nodes.needs, sizes, nodes.depth)
    boxes = tuple(
        _box(steps, members, place, waits=bool(needs), room=21 if compact else 19)
        for members, place, needs in zip(nodes.members, layout.places, nodes.needs, strict=True)
    )
    made = Drawing(
        round(layout.width) + 2 * _MARGIN,
        round(layout.height) + 2 * _MARGIN,
        (round(sizes.width), round(sizes.height)),
        compact,
        boxes,
        "".join(map(_line, layout.edges)),
    )
    return made, _weight(made)


def _weight(made: Drawing) -> int:
    texts = sum(len(box.title) + len(box.name) + len(box.app) for box in made.boxes)
    numbers = sum(len(box.steps) for box in made.boxes)
    return len(made.lines) + texts + 8 * numbers + _BYTES_A_BOX * len(made.boxes)


def _box(
    steps: Sequence[StepSpec],
    members: tuple[int, ...],
    place: tuple[float, float],
    *,
    waits: bool,
    room: int,
) -> Box:
    first = steps[members[0]]
    apps = sorted({steps[step].app for step in members})
    app = apps[0] if len(apps) == 1 else format_count(len(apps), "app")
    name = first.name if len(members) == 1 else f"{len(members)} × {app}"
    x, y = round(place[0]) + _MARGIN, round(place[1]) + _MARGIN
    return Box(x, y, members, short(name, room), name, app, waits)


def _line(edge: Edge) -> str:
    """Level through the layers, curved between them."""
    points = [(round(x) + _MARGIN, round(y) + _MARGIN) for x, y in edge.points]
    path = f"M{points[0][0]} {points[0][1]}"
    for (x, y), (next_x, next_y) in pairwise(points):
        middle = (x + next_x) // 2
        level = y == next_y
        path += f"H{next_x}" if level else f"C{middle} {y} {middle} {next_y} {next_x} {next_y}"
    return path


_kept: Final = ByteCache(_draw, _KEPT_BYTES)
