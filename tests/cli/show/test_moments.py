"""Times as people give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from cli.show.moments import Moment


@pytest.mark.parametrize(
    ("text", "ago"),
    [("30m", timedelta(minutes=30)), ("2d", timedelta(days=2)), ("1w", timedelta(weeks=1))],
)
def test_how_long_ago_is_a_time(text: str, ago: timedelta) -> None:
    found = datetime.fromisoformat(Moment().convert(text, None, None))

    assert abs(datetime.now(UTC) - ago - found) < timedelta(minutes=5)


def test_an_iso_time_stays_as_it_is() -> None:
    assert Moment().convert("2026-01-19T10:00:00Z", None, None) == "2026-01-19T10:00:00Z"


def test_anything_else_is_told_with_the_way_out() -> None:
    with pytest.raises(click.BadParameter, match="2d for two days ago"):
        Moment().convert("yesterday", None, None)
