"""Times and names as the pages say them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.ui import formatting


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0 s"),
        (59.9, "59 s"),
        (245, "4 min 05 s"),
        (7_620, "2 h 07 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_span_has_two_units_at_most(seconds: float, expected: str) -> None:
    assert formatting.span(timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(15, "15 s"), (75, "1:15"), (120, "2 min"), (5_400, "1:30 h"), (14_400, "4 h"),
     (172_800, "2 d")],
)  # fmt: skip
def test_a_tick_is_as_short_as_can_be(seconds: int, expected: str) -> None:
    assert formatting.tick(timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("short", "short"), ("sample01-annotate", "samp…tate")]
)
def test_a_long_name_keeps_both_ends(text: str, expected: str) -> None:
    assert formatting.short(text, 9) == expected


def test_a_reason_names_bv_brc_as_people_do() -> None:
    assert formatting.reason("queued_at_bvbrc") == "queued at BV-BRC"


@pytest.mark.parametrize(("number", "expected"), [(1, "1 step"), (0, "0 steps"), (2, "2 steps")])
def test_one_is_singular(number: int, expected: str) -> None:
    assert formatting.format_count(number, "step") == expected
