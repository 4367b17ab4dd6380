"""Which steps are one box of a picture because they belong together: the steps of a sub-workflow,
and those of a scatter. In what is made from CWL their names say so: ``align__3__sort``; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from app.ui.drawing.layout import Needs

SEPARATOR: Final = "__"
_FEWEST: Final = 3
"""Characters that names of a group have in common, for these to name it."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """The nodes of a view: ``members`` are step indices, ``needs`` are the nodes' own."""

    members: tuple[tuple[int, ...], ...]
    needs: tuple[tuple[int, ...], ...]
    paths: tuple[str, ...]
    """Of a box that opens what it opens as; else empty."""


def close_scopes(names: Sequence[str], needs: Needs, inside: str = "") -> Scopes:
    """The steps of the scope ``inside`` (empty: all), those of a deeper scope as one node.

    Each step stands by itself where boxes would wait for each other in a circle, as names that mean
    nothing of the kind can make them.
    """
    prefix = f"{inside}{SEPARATOR}" if inside else ""
    within = [step for step, name in enumerate(names) if name.startswith(prefix)]
    heads = {step: names[step][len(prefix) :].partition(SEPARATOR)[:2] for step in within}
    scopes: dict[str, list[int]] = {}
    for step, (head, deeper) in heads.items():
        if head and deeper:
            scopes.setdefault(prefix + head, []).append(step)
    closed = {step: path for path, steps in scopes.items() if len(steps) > 1 for step in steps}
    found = _merge(within, needs, closed)
    return found if _is_acyclic(found.needs) else _merge(within, needs, {})


def trail(inside: str) -> list[tuple[str, str]]:
    """The scopes around a view, from the outermost on: the last word and the path of each."""
    words = inside.split(SEPARATOR) if inside else []
    return [(word, SEPARATOR.join(words[: at + 1])) for at, word in enumerate(words)]


def name_group(names: Sequence[str], otherwise: str) -> str:
    """What the names of a group have in common, ``sample…-assemble``."""
    front = _shared_front(names)
    back = _shared_front([name[len(front) :][::-1] for name in names])[::-1]
    front, back = front.rstrip("0123456789"), back.lstrip("0123456789")
    return f"{front}…{back}" if len(front) + len(back) >= _FEWEST else otherwise


def _shared_front(texts: Sequence[str]) -> str:
    pairs = zip(min(texts), max(texts), strict=False)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _merge(within: Sequence[int], needs: Needs, closed: dict[int, str]) -> Scopes:
    node_of: dict[int, int] = {}
    numbers: dict[str, int] = {}
    members: list[list[int]] = []
    paths: list[str] = []
    for step in within:
        path = closed.get(step, "")
        if path not in numbers or not path:
            members.append([])
            paths.append(path)
            if path:
                numbers[path] = len(members) - 1
        node = numbers[path] if path else len(members) - 1
        node_of[step] = node
        members[node].append(step)
    links: list[set[int]] = [set() for _ in members]
    for step in within:
        links[node_of[step]] |= {node_of[need] for need in needs[step] if need in node_of}
    return Scopes(
        tuple(map(tuple, members)),
        tuple(tuple(sorted(found - {node})) for node, found in enumerate(links)),
        tuple(paths),
    )


def _is_acyclic(needs: Needs) -> bool:
    import networkx as nx  # noqa: PLC0415 - 285 modules, which a process needs for its first drawing

    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(needs)))
    graph.add_edges_from((need, node) for node, found in enumerate(needs) for need in found)
    return bool(nx.is_directed_acyclic_graph(graph))
