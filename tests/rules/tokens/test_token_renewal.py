"""When a token is renewed: early enough to try again, and not all in one second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rules.tokens.renewal import next_try, renewal_time, shortest_rest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIMES = st.timedeltas(timedelta(seconds=2), timedelta(days=400))
CHANCES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("lifetime", "after"),
    [
        (timedelta(days=30), timedelta(days=20)),
        (timedelta(hours=6), timedelta(hours=4)),
        (timedelta(hours=2.5), timedelta(hours=1.5)),
        (timedelta(hours=2), timedelta(hours=1)),
        (timedelta(minutes=1), timedelta(seconds=30)),
    ],
    ids=str,
)
def test_two_thirds_of_the_lifetime_an_hour_before_the_end_or_half_of_a_short_one(
    lifetime: timedelta, after: timedelta
) -> None:
    assert renewal_time(NOW, NOW + lifetime, 0) - NOW == after
    assert shortest_rest(lifetime) == lifetime - after


@given(LIFETIMES, CHANCES)
def test_renewals_are_spread_and_none_comes_late(lifetime: timedelta, chance: float) -> None:
    after = renewal_time(NOW, NOW + lifetime, chance) - NOW

    assert lifetime * 0.44 <= after <= lifetime * 0.67
    assert after <= max(lifetime / 2, lifetime - timedelta(hours=1))


@given(LIFETIMES, CHANCES)
def test_a_failure_leaves_time_for_further_tries(left: timedelta, chance: float) -> None:
    wait = next_try(NOW, NOW + left, chance) - NOW

    assert timedelta(seconds=1) <= wait <= timedelta(hours=1)
    assert wait <= max(left / 4, timedelta(seconds=1))


def test_a_token_that_has_ended_is_not_looked_at_at_once() -> None:
    assert renewal_time(NOW, NOW - timedelta(days=1), 0.5) >= NOW - timedelta(days=1)
    assert next_try(NOW, NOW - timedelta(days=1), 0.5) > NOW
