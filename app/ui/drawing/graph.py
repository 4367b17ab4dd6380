"""Draws a workflow's graph as boxes and lines, without states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from app.ui.drawing.grouping import group_steps
from app.ui.drawing.layout import Edge, Sizes, arrange
from app.ui.drawing.scopes import close_scopes, name_group
from app.ui.drawing.text_width import fit
from app.ui.formatting import format_count
from workflows.model.errors import NotFound
from workflows.model.values import StepSpec
from workflows.store.byte_cache import ByteCache
from workflows.store.workflows import specs

_ROOMY: Final = Sizes(width=200)
_COMPACT: Final = Sizes(width=190, height=24, column_gap=44, row_gap=5)
_TEXT_LEFT: Final = {False: 36, True: 24}
_TEXT_SIZE: Final = {False: 13, True: 12}
"""Of roomy and compact boxes, as ``graph.html`` and ``ui.css`` draw them."""
_TEXT_MARGIN: Final = 7
_SMALL_SIZE: Final = 12
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
    """The app, or how many apps."""
    scope: str
    """What the box opens as; empty for a step, and for steps that share a box only because there
    are too many."""
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

    @property
    def room(self) -> float:
        """For a text in a box."""
        return self.box[0] - _TEXT_LEFT[self.compact] - _TEXT_MARGIN

    def fit_small(self, text: str) -> str:
        """What of a box's second line fits in."""
        return fit(text, self.room, _SMALL_SIZE)


def drawing(spec_id: str, inside: str = "") -> Drawing:
    """Of a spec, which never changes, or of what one of its scopes holds. Raises ``NotFound``."""
    return _kept(f"{spec_id}\n{inside}")


def _draw(key: str) -> tuple[Drawing, int]:
    """The drawing, and what it takes in memory."""
    spec_id, _, inside = key.partition("\n")
    compiled = specs.get(spec_id)
    steps = compiled.spec.steps
    scopes = close_scopes([step.name for step in steps], compiled.dag.needs, inside)
    if inside and not scopes.members:
        raise NotFound(f"The workflow has nothing of the name '{inside}'.")
    kinds = [_app(steps, members) for members in scopes.members]
    nodes = group_steps(scopes.needs, kinds)
    compact = len(nodes.members) > _MANY
    sizes = _COMPACT if compact else _ROOMY
    layout = arrange(nodes.needs, sizes, nodes.depth)
    room = sizes.width - _TEXT_LEFT[compact] - _TEXT_MARGIN
    boxes = []
    for group, place, needs in zip(nodes.members, layout.places, nodes.needs, strict=True):
        members = tuple(step for node in group for step in scopes.members[node])
        scope = scopes.paths[group[0]] if len(group) == 1 else ""
        name = _name(steps, members, scope)
        shown = f"{len(members)} × {name}" if compact and len(members) > 1 else name
        x, y = round(place[0]) + _MARGIN, round(place[1]) + _MARGIN
        title = fit(shown, room, _TEXT_SIZE[compact])
        boxes.append(Box(x, y, members, title, name, _app(steps, members), scope, bool(needs)))
    made = Drawing(
        round(layout.width) + 2 * _MARGIN,
        round(layout.height) + 2 * _MARGIN,
        (round(sizes.width), round(sizes.height)),
        compact,
        tuple(boxes),
        "".join(map(_line, layout.edges)),
    )
    return made, _weight(made)


def _weight(made: Drawing) -> int:
    texts = sum(len(box.title) + len(box.name) + len(box.app) for box in made.boxes)
    numbers = sum(len(box.steps) for box in made.boxes)
    return len(made.lines) + texts + 8 * numbers + _BYTES_A_BOX * len(made.boxes)


def _app(steps: Sequence[StepSpec], members: Sequence[int]) -> str:
    apps = sorted({steps[step].app for step in members})
    return apps[0] if len(apps) == 1 else format_count(len(apps), "app")


def _name(steps: Sequence[StepSpec], members: Sequence[int], scope: str) -> str:
    if scope:
        return scope
    if len(members) == 1:
        return steps[members[0]].name
    return name_group([steps[step].name for step in members], _app(steps, members))


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
