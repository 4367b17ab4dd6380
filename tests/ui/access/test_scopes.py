"""Which steps share a box of the graph, what it is called, and what text fits into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.drawing.scopes import Scopes, close_scopes, name_group, trail
from app.ui.drawing.text_width import fit, text_width

NAMES = ["fetch", "align__1__map", "align__1__sort", "align__2__map", "align__2__sort", "report"]
NEEDS = [[], [0], [1], [0], [3], [2, 4]]


def test_the_steps_of_a_scatter_are_one_box_between_the_others() -> None:
    assert close_scopes(NAMES, NEEDS) == Scopes(
        ((0,), (1, 2, 3, 4), (5,)), ((), (0,), (1,)), ("", "align", "")
    )


def test_a_box_opens_to_the_boxes_in_it() -> None:
    assert close_scopes(NAMES, NEEDS, "align") == Scopes(
        ((1, 2), (3, 4)), ((), ()), ("align__1", "align__2")
    )
    assert close_scopes(NAMES, NEEDS, "align__2") == Scopes(((3,), (4,)), ((), (0,)), ("", ""))
    assert trail("align__2") == [("align", "align"), ("2", "align__2")]


def test_a_box_of_one_step_is_that_step() -> None:
    assert close_scopes(["a", "b__1"], [[], [0]]).paths == ("", "")


def test_boxes_that_would_wait_for_each_other_stay_open() -> None:
    names = ["x__1", "y__1", "x__2", "y__2"]

    found = close_scopes(names, [[], [0], [1], [2]])

    assert [len(members) for members in found.members] == [1, 1, 1, 1]
    assert found.needs == ((), (0,), (1,), (2,))


def test_what_is_not_there_has_no_steps() -> None:
    assert close_scopes(NAMES, NEEDS, "nothing").members == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["sample01-trim", "sample02-trim", "sample10-trim"], "sample…-trim"),
        (["s1", "s2"], "2 apps"),
        (["a-annotate", "b-annotate"], "…-annotate"),
        (["same", "same"], "same…"),
        (["x10", "x100"], "2 apps"),
    ],
)
def test_a_group_is_called_by_what_its_names_have_in_common(
    names: list[str], expected: str
) -> None:
    assert name_group(names, "2 apps") == expected


@given(st.text(max_size=60), st.floats(15, 200))
def test_a_text_is_cut_to_its_room(text: str, room: float) -> None:
    shorter = fit(text, room, 12)

    assert text_width(shorter, 12) <= room
    assert shorter == text or "…" in shorter


def test_a_name_that_is_cut_keeps_both_ends() -> None:
    assert fit("sample0001-assembly-of-long-reads", 150, 13).startswith("sample0")
    assert fit("sample0001-assembly-of-long-reads", 150, 13).endswith("reads")
    assert fit("short", 150, 13) == "short"
