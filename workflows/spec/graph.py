"""The graph of steps: the explicit ``depends_on`` and the dependencies that references imply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.values import Spec
from workflows.spec.reference_syntax import implied_dependencies

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Dag:
    """Steps by their index in the spec; both tuples of neighbours are sorted."""

    names: tuple[str, ...]
    needs: tuple[tuple[int, ...], ...]
    """For each step the steps it waits for."""
    dependents: tuple[tuple[int, ...], ...]
    """For each step the steps that wait for it."""


def dag(spec: Spec) -> Dag:
    """The graph of a spec, cyclic or not; raises ``Invalid`` where it names an unknown step."""
    index = {step.name: position for position, step in enumerate(spec.steps)}
    needs: list[tuple[int, ...]] = []
    dependents: list[list[int]] = [[] for _ in spec.steps]
    for position, step in enumerate(spec.steps):
        names = implied_dependencies(step).union(step.depends_on)
        if not all(name in index for name in names):
            raise _unknown(position, min(name for name in names if name not in index))
        needs.append(tuple(sorted(index[name] for name in names)))
        for need in needs[-1]:
            dependents[need].append(position)
    return Dag(tuple(step.name for step in spec.steps), tuple(needs), tuple(map(tuple, dependents)))


def order(graph: Dag) -> tuple[int, ...]:
    """A topological order of the steps; raises ``Invalid`` with the cycle if there is one.

    Every process computes it for every spec that it loads. With networkx, which needs a graph of
    its own, that would take 18 times as long (docs/decisions/0018-where-mongoengine-ends.md).
    """
    waits = [len(needs) for needs in graph.needs]
    ready = [step for step, count in enumerate(waits) if count == 0]
    for step in ready:  # grows while it is walked
        for dependent in graph.dependents[step]:
            waits[dependent] -= 1
            if waits[dependent] == 0:
                ready.append(dependent)
    if len(ready) < len(graph.names):
        raise Invalid([_cyclic(graph)])
    return tuple(ready)


def cycle(graph: Dag) -> tuple[str, ...] | None:
    """The names around a cycle, the first one again at the end, in the order they would run."""
    import networkx as nx  # noqa: PLC0415 - 285 modules, which a process needs where it finds a cycle

    try:
        found = nx.find_cycle(_network(graph))
    except nx.NetworkXNoCycle:
        return None
    steps = [edge[0] for edge in found]
    return tuple(graph.names[step] for step in [*steps, steps[0]])


def _network(graph: Dag) -> nx.DiGraph[int]:
    """The same for networkx: an edge leads from a step to each of its dependents."""
    edges = ((need, step) for step, needs in enumerate(graph.needs) for need in needs)
    import networkx as nx  # noqa: PLC0415 - as above

    result: nx.DiGraph[int] = nx.DiGraph()
    result.add_nodes_from(range(len(graph.names)))
    result.add_edges_from(edges)
    return result


def _unknown(step: int, name: str) -> Invalid:
    where = format_path(("steps", step, "depends_on"))
    return Invalid([Problem(where, "unknown_step", f"there is no step {name!r}")])


def _cyclic(graph: Dag) -> Problem:
    path = " → ".join(cycle(graph) or ())
    return Problem("steps", "dependency_cycle", f"these steps wait for each other: {path}")
