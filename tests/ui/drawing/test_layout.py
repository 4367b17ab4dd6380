"""Where the nodes of a DAG are drawn."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ui.drawing.grouping import group_steps
from app.ui.drawing.layout import Layout, Sizes, arrange, crossings, layers, space_out

SIZES = Sizes(width=100, height=40, column_gap=50, row_gap=10)
NOBODY: list[list[int]] = []


@st.composite
def dags(draw: st.DrawFn, most: int = 25) -> list[list[int]]:
    count = draw(st.integers(1, most))
    return [
        sorted(draw(st.sets(st.integers(0, node - 1), max_size=4))) if node else []
        for node in range(count)
    ]


def overlap(one: tuple[float, float], two: tuple[float, float]) -> bool:
    return abs(one[0] - two[0]) < SIZES.width and abs(one[1] - two[1]) < SIZES.height


@given(dags())
@settings(max_examples=60, deadline=None)
def test_no_two_nodes_overlap_and_all_are_on_the_paper(needs: list[list[int]]) -> None:
    layout = arrange(needs, SIZES)

    assert not any(overlap(one, two) for one, two in combinations(layout.places, 2))
    for x, y in layout.places:
        assert -0.01 <= x <= layout.width - SIZES.width + 0.01
        assert -0.01 <= y <= layout.height - SIZES.height + 0.01


@given(dags())
@settings(max_examples=60, deadline=None)
def test_every_edge_leads_from_its_source_to_the_right_to_its_target(
    needs: list[list[int]],
) -> None:
    layout = arrange(needs, SIZES)

    drawn = {(edge.source, edge.target) for edge in layout.edges}
    assert drawn == {(need, node) for node, found in enumerate(needs) for need in found}
    for edge in layout.edges:
        (x, y), (end_x, end_y) = layout.places[edge.source], layout.places[edge.target]
        assert edge.points[0] == pytest.approx((x + SIZES.width, y + SIZES.height / 2))
        assert edge.points[-1] == pytest.approx((end_x, end_y + SIZES.height / 2))
        assert all(one[0] <= two[0] for one, two in pairwise(edge.points))


@given(dags(60), st.integers(2, 12))
@settings(max_examples=60, deadline=None)
def test_grouping_bounds_the_nodes_and_keeps_the_direction(
    needs: list[list[int]], most: int
) -> None:
    kinds = [f"app{node % 3}" for node in range(len(needs))]

    found = group_steps(needs, kinds, most)

    assert len(found.members) <= most or len(needs) <= most
    assert sorted(step for members in found.members for step in members) == list(range(len(needs)))
    for node, wanted in enumerate(found.needs):
        assert all(found.depth[need] < found.depth[node] for need in wanted)


def test_a_layer_is_the_longest_path_before() -> None:
    assert layers([[], [0], [0, 1], [], [3, 2]]) == [0, 1, 2, 0, 3]


def test_a_chain_of_ten_thousand_steps_has_a_picture() -> None:
    needs = [[step - 1] if step else [] for step in range(10_000)]

    found = group_steps(needs, ["Date"] * 10_000)

    assert len(found.members) <= 500
    assert sum(map(len, found.needs)) == len(found.members) - 1


def test_samples_of_the_same_kind_share_a_node_where_there_are_too_many() -> None:
    needs: list[list[int]] = [[] for _ in range(400)] + [[step] for step in range(400)]

    found = group_steps(needs, ["Assembly"] * 400 + ["Annotation"] * 400)

    assert [len(members) for members in found.members] == [400, 400]
    assert found.needs == ((), (0,))


def test_edges_that_need_not_cross_do_not() -> None:
    layout = arrange([[], [], [1], [0]], SIZES)

    heights = [y for _, y in layout.places]
    assert (heights[0] < heights[1]) == (heights[3] < heights[2])


def test_a_step_stands_in_the_middle_of_what_it_waits_for() -> None:
    layout = arrange([[], [], [], [0, 1, 2]], SIZES)

    assert layout.places[3][1] == pytest.approx(layout.places[1][1])


def test_the_same_workflow_is_always_drawn_alike() -> None:
    needs = [[], [0], [0], [1, 2], [0, 3]]

    assert arrange(needs, SIZES) == arrange(needs, SIZES)


def test_a_workflow_without_steps_is_an_empty_paper() -> None:
    assert arrange(NOBODY, SIZES) == Layout(0.0, 0.0, (), ())


@pytest.mark.parametrize(
    ("lower", "expected"), [([2, 3], 0), ([3, 2], 1)], ids=["straight", "crossed"]
)
def test_crossings_are_counted(lower: list[int], expected: int) -> None:
    assert crossings([0, 1], {2: [0], 3: [1]}, lower) == expected


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [([0, 100], [0, 100]), ([0, 0], [-5, 5]), ([50, 0, 0], [20 / 3, 50 / 3, 80 / 3])],
)
def test_wishes_give_way_to_the_gaps_as_little_as_can_be(
    wishes: list[float], expected: list[float]
) -> None:
    assert space_out(wishes, [10] * (len(wishes) - 1)) == pytest.approx(expected)
