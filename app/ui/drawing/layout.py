"""Where the nodes of a DAG go on paper: layers from left to right, with few crossings; pure.

The way of Sugiyama: layers by the longest path, unseen nodes where an edge passes a layer, order by
barycentres, places by least squares. (grandalf has no release since 2023; networkx orders nothing.)
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

Needs = Sequence[Sequence[int]]
"""For each node those that come before it."""
_SWEEPS: Final = 8
_MOST_PASSING: Final = 4_000
"""Beyond so many unseen nodes edges go straight through: the picture is a thicket anyway."""
_THIN: Final = 0.35
"""The room of a passing edge, of a node's height."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """In pixels."""

    width: float = 176
    height: float = 46
    column_gap: float = 44
    row_gap: float = 14


@dataclass(frozen=True, slots=True)
class Edge:
    """From one node to another, by way of these points."""

    source: int
    target: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """``places`` are upper left corners, parallel to the nodes."""

    width: float
    height: float
    places: tuple[tuple[float, float], ...]
    edges: tuple[Edge, ...]


def arrange(needs: Needs, sizes: Sizes, depth: Sequence[int] | None = None) -> Layout:
    """Places for a DAG's nodes; equal input gives equal output.

    ``depth`` are the nodes' layers where they are settled; every need is in an earlier one.
    """
    paper = _Paper(needs, sizes, layers(needs) if depth is None else list(depth))
    paper.order()
    paper.settle()
    return paper.layout()


def layers(needs: Needs) -> list[int]:
    """For each node the length of the longest path before it."""
    import networkx as nx  # noqa: PLC0415 - 285 modules, which a process needs for its first drawing

    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(needs)))
    graph.add_edges_from((need, node) for node, of_node in enumerate(needs) for need in of_node)
    layer_of = {
        node: layer
        for layer, nodes in enumerate(nx.topological_generations(graph))
        for node in nodes
    }
    return [layer_of[node] for node in range(len(needs))]


def crossings(
    upper: Sequence[int], edges: Mapping[int, Sequence[int]], lower: Sequence[int]
) -> int:
    """How often edges between two neighbouring layers cross; ``edges`` leads to the upper one."""
    place = {node: at for at, node in enumerate(upper)}
    seen: list[int] = []
    count = 0
    for node in lower:
        ends = sorted(place[end] for end in edges.get(node, ()))
        count += sum(len(seen) - bisect_right(seen, end) for end in ends)
        for end in ends:
            insort(seen, end)
    return count


def space_out(wishes: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The places nearest to the wishes that keep the gaps; ``gaps[i]`` is between i and i + 1.

    Least squares under an order: neighbours whose wishes collide share their mean.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=False):
        total, count = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            total, count = total + blocks[-1][0], count + blocks[-1][1]
            blocks.pop()
        blocks.append((total, count))
    means = [total / count for total, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


class _Paper:
    """The working copy of one call of ``arrange``: real nodes first, then the unseen ones."""

    def __init__(self, needs: Needs, sizes: Sizes, depth: list[int]) -> None:
        self._sizes, self._real = sizes, len(needs)
        self._layer = depth
        self._before: dict[int, list[int]] = {node: [] for node in range(self._real)}
        self._paths: dict[tuple[int, int], list[int]] = {}
        spans = sum(self._layer[node] - self._layer[need] - 1
                    for node, found in enumerate(needs) for need in found)  # fmt: skip
        for node, found in enumerate(needs):
            for need in dict.fromkeys(found):
                self._lead(need, node, through=spans <= _MOST_PASSING)
        self._after: dict[int, list[int]] = {node: [] for node in range(len(self._layer))}
        for node, found in self._before.items():
            for need in found:
                self._after[need].append(node)
        self._rows: list[list[int]] = [[] for _ in range(max(self._layer, default=-1) + 1)]
        for node, layer in enumerate(self._layer):
            self._rows[layer].append(node)
        self._y: dict[int, float] = {}

    def _lead(self, source: int, target: int, *, through: bool) -> None:
        """An edge, with an unseen node in each layer that it passes."""
        path, last = [], source
        for layer in range(self._layer[source] + 1, self._layer[target] if through else 0):
            passing = len(self._layer)
            self._layer.append(layer)
            self._before[passing] = [last]
            path.append(passing)
            last = passing
        if through:
            self._before[target].append(last)
        self._paths[source, target] = path

    def order(self) -> None:
        """Sweeps forth and back; the order with the fewest crossings is kept."""
        best, fewest = [list(row) for row in self._rows], self._crossings()
        for sweep in range(_SWEEPS):
            if fewest == 0:
                break
            self._sweep(forth=sweep % 2 == 0)
            count = self._crossings()
            if count < fewest:
                best, fewest = [list(row) for row in self._rows], count
        self._rows = best

    def _sweep(self, *, forth: bool) -> None:
        neighbours = self._before if forth else self._after
        rows = self._rows if forth else self._rows[::-1]
        for fixed, row in pairwise(rows):
            place = {node: at for at, node in enumerate(fixed)}
            weights = {
                node: _mean([place[other] for other in neighbours[node]], at)
                for at, node in enumerate(row)
            }
            row.sort(key=lambda node: weights[node])

    def _crossings(self) -> int:
        return sum(crossings(upper, self._before, lower) for upper, lower in pairwise(self._rows))

    def settle(self) -> None:
        """Each node near the middle of its neighbours, as far as the others let it."""
        heights = [sum(self._gaps(row)) for row in self._rows]
        highest = max(range(len(heights)), key=heights.__getitem__, default=0)
        for row in self._rows[highest:]:
            self._align(row, self._before)
        for row in reversed(self._rows[:highest]):
            self._align(row, self._after)
        for sweep in range(_SWEEPS):
            for row in self._rows if sweep % 2 == 0 else self._rows[::-1]:
                wishes = [self._wish(node) for node in row]
                self._y.update(zip(row, space_out(wishes, self._gaps(row)), strict=True))

    def _align(self, row: Sequence[int], neighbours: Mapping[int, Sequence[int]]) -> None:
        """A first place, by the neighbours on one side alone."""
        wishes = [
            _mean([self._y[other] for other in neighbours[node] if other in self._y], 0.0)
            for node in row
        ]
        self._y.update(zip(row, space_out(wishes, self._gaps(row)), strict=True))

    def _wish(self, node: int) -> float:
        """Where its neighbours pull it; one that has many others to pull hardly does."""
        others = [*self._before[node], *self._after[node]]
        weights = [len(self._before[each] + self._after[each]) ** -2 for each in others]
        pull = sum(self._y[each] * weight for each, weight in zip(others, weights, strict=True))
        return pull / sum(weights) if others else self._y[node]

    def _gaps(self, row: Sequence[int]) -> list[float]:
        """Between the middles of neighbours in a layer."""
        rooms = [self._room(node) for node in row]
        return [(one + two) / 2 for one, two in pairwise(rooms)]

    def _room(self, node: int) -> float:
        room = self._sizes.height + self._sizes.row_gap
        return room if node < self._real else room * _THIN

    def layout(self) -> Layout:
        size = self._sizes
        half, column = size.height / 2, size.width + size.column_gap
        top = min(self._y.values(), default=0.0) - half
        middles = [(layer * column, self._y[node] - top) for node, layer in enumerate(self._layer)]
        edges = tuple(
            Edge(source, target, self._points(source, target, path, middles))
            for (source, target), path in self._paths.items()
        )
        return Layout(
            width=max(len(self._rows) * column - size.column_gap, 0.0),
            height=max((y for _, y in middles), default=-half) + half,
            places=tuple((x, y - half) for x, y in middles[: self._real]),
            edges=edges,
        )

    def _points(
        self,
        source: int,
        target: int,
        path: Sequence[int],
        middles: Sequence[tuple[float, float]],
    ) -> tuple[tuple[float, float], ...]:
        """From the right side of the source to the left side of the target."""
        width = self._sizes.width
        points = [(middles[source][0] + width, middles[source][1])]
        for node in path:
            x, y = middles[node]
            points += [(x, y), (x + width, y)]
        return (*points, middles[target])


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
