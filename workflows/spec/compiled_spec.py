"""A spec with its graph and a topological order of its steps, computed once."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.model.values import Spec
from workflows.spec.graph import Dag, dag, order


@dataclass(frozen=True, slots=True)
class CompiledSpec:
    """What ``plan`` needs to know of a spec; immutable, so each process keeps it."""

    spec: Spec
    dag: Dag
    order: tuple[int, ...]
    """The steps in a topological order."""


def compile_spec(spec: Spec) -> CompiledSpec:
    """Raises ``Invalid`` where the graph has a cycle or names an unknown step."""
    graph = dag(spec)
    return CompiledSpec(spec, graph, order(graph))
