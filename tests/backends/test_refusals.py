"""Whose jobs AppService refuses for what may be an outage behind it."""

from __future__ import annotations

from workflows.backends.refusals import REMEMBERED_SECONDS, Refusals


def test_a_user_counts_until_a_refused_job_is_accepted_or_for_long() -> None:
    time = [100.0]
    refusals = Refusals(lambda: time[0])
    refusals.note("ann")
    refusals.note("bob")

    refusals.forget("bob")
    refusals.forget("eve")
    assert refusals.users() == ["ann"]

    time[0] += REMEMBERED_SECONDS
    assert refusals.users() == []
