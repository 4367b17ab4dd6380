"""Which step waits for which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.errors import Invalid
from workflows.model.values import Spec, StepSpec
from workflows.spec.graph import Dag, cycle, dag, order


def spec(**needs: list[str]) -> Spec:
    steps = [StepSpec(name, "App", {}, depends_on=tuple(names)) for name, names in needs.items()]
    return Spec("w", "1", {}, tuple(steps))


DIAMOND = spec(a=[], b=["a"], c=["a"], d=["b", "c"])


def test_explicit_and_implied_dependencies_are_one_graph() -> None:
    reader = StepSpec("c", "App", {"x": "${steps.a.outputs.y}"}, depends_on=("b",))
    steps = (StepSpec("a", "App", {}), StepSpec("b", "App", {}), reader)

    assert dag(Spec("w", "1", {}, steps)) == Dag(
        names=("a", "b", "c"), needs=((), (), (0, 1)), dependents=((2,), (2,), ())
    )


def test_the_order_of_a_graph_without_a_cycle() -> None:
    graph = dag(DIAMOND)

    assert order(graph) == (0, 1, 2, 3)
    assert cycle(graph) is None


def test_a_cycle_is_shown_as_a_path() -> None:
    graph = dag(spec(start=[], a=["start", "c"], b=["a"], c=["b"], end=["c"]))

    assert cycle(graph) == ("a", "b", "c", "a")
    with pytest.raises(Invalid, match="a → b → c → a"):
        order(graph)


def test_a_step_that_waits_for_itself_is_a_cycle() -> None:
    assert cycle(dag(spec(a=["a"]))) == ("a", "a")


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(Invalid, match="there is no step 'z'"):
        dag(spec(a=["z"]))


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=30))
def test_the_order_puts_every_step_after_its_needs(numbers: list[list[int]]) -> None:
    needs = {
        f"s{step}": [f"s{number % step}" for number in row] if step else []
        for step, row in enumerate(numbers)
    }

    graph = dag(spec(**needs))

    position = {step: place for place, step in enumerate(order(graph))}
    assert sorted(position) == list(range(len(numbers)))
    assert all(
        position[need] < position[step] for step, row in enumerate(graph.needs) for need in row
    )
