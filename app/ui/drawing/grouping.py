"""Which steps of a very large workflow share one node of its picture; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from app.ui.drawing.layout import Needs, layers

MOST: Final = 500
"""Nodes in one picture."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """``members`` are step indices by node; ``needs`` and ``depth`` are the nodes' own."""

    members: tuple[tuple[int, ...], ...]
    needs: tuple[tuple[int, ...], ...]
    depth: tuple[int, ...]


def group_steps(needs: Needs, kinds: Sequence[str], most: int = MOST) -> Grouped:
    """Each step by itself while they are few; else those of one kind and one stretch of layers.

    A node's steps are never before and after another node's, so that the picture stays a DAG.
    """
    depth = layers(needs)
    if len(needs) <= most:
        alone = tuple((step,) for step in range(len(needs)))
        return Grouped(alone, tuple(map(tuple, needs)), tuple(depth))
    return _merge_groups(needs, _keys(depth, kinds, most))


def _keys(depth: Sequence[int], kinds: Sequence[str], most: int) -> list[tuple[int, str]]:
    """The finest division into few enough nodes; without the kinds where these are too many."""
    for stretch in (2**power for power in count()):
        keys = [(layer // stretch, kind) for layer, kind in zip(depth, kinds, strict=True)]
        if len(set(keys)) <= most:
            return keys
        if stretch > max(depth):
            break
    stretch = max(depth) // most + 1
    return [(layer // stretch, "") for layer in depth]


def _merge_groups(needs: Needs, keys: Sequence[tuple[int, str]]) -> Grouped:
    distinct = sorted(set(keys))
    number = {key: at for at, key in enumerate(distinct)}
    members: list[list[int]] = [[] for _ in number]
    links: list[set[int]] = [set() for _ in number]
    for step, key in enumerate(keys):
        node = number[key]
        members[node].append(step)
        earlier = {number[keys[need]] for need in needs[step] if keys[need][0] < key[0]}
        links[node] |= earlier
    place = {layer: at for at, layer in enumerate(sorted({layer for layer, _ in distinct}))}
    return Grouped(
        tuple(map(tuple, members)),
        tuple(tuple(sorted(found)) for found in links),
        tuple(place[layer] for layer, _ in distinct),
    )
