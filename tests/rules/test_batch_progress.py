"""The status of a batch, and how many further workflows it may begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.conftest import document
from workflows.rules.batch_progress import (
    batch_ends_too_late,
    count_rows,
    failure_kind,
    free_places,
    rows_status,
)
from workflows.rules.tokens.lifetime import STEP
from workflows.spec.document import spec_from

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("counts", "cancelled", "status"),
    [
        ({"waiting": 1, "failed": 1}, False, "running"),
        ({"running": 1, "succeeded": 9}, False, "running"),
        ({"pending": 1}, True, "running"),
        ({"failed": 1, "succeeded": 9, "cancelled": 1}, True, "failed"),
        ({"cancelled": 10}, True, "cancelled"),
        ({"succeeded": 9, "cancelled": 1}, False, "cancelled"),
        ({"succeeded": 10}, True, "cancelled"),
        ({"succeeded": 10, "deleted": 2}, False, "succeeded"),
    ],
)
def test_the_status_follows_from_the_rows(
    counts: dict[str, int], cancelled: bool, status: str
) -> None:
    assert rows_status(counts, cancelled=cancelled) == status


def test_every_row_is_counted_once() -> None:
    states = {"running": 2, "succeeded": 3}

    assert count_rows(states, 10, 6, cancelled=False) == {
        "waiting": 4,
        "running": 2,
        "succeeded": 3,
        "deleted": 1,
    }
    assert count_rows({"cancelled": 2}, 10, 2, cancelled=True) == {"cancelled": 10}


@pytest.mark.parametrize(
    ("most", "active", "allowed", "used", "free"),
    [(50, 0, 10_000, 0, 50), (50, 48, 10_000, 48, 2), (50, 60, 99, 0, 0), (50, 0, 100, 97, 3)],
)
def test_a_batch_begins_what_fits(
    most: int, active: int, allowed: int, used: int, free: int
) -> None:
    assert free_places(most, active, allowed, used) == free


@pytest.mark.parametrize(
    ("reason", "job_id", "kind"),
    [
        ("BV-BRC job 21000002 failed", "21000002", "BV-BRC job … failed"),
        ("job 7-b failed", "7-b", "job … failed"),
        ("'/u@bvbrc/home/S1.fq' does not exist", "", "'…' does not exist"),
        ("run SRR123 has 1234567 reads", "", "run SRR123 has … reads"),
        ("", "1", "the job failed"),
    ],
)
def test_reasons_that_differ_in_numbers_and_paths_alone_are_one(
    reason: str, job_id: str, kind: str
) -> None:
    assert failure_kind(reason, job_id) == kind


def test_a_token_that_may_end_before_the_batch_is_warned_about() -> None:
    chain = spec_from(document("", "a"))

    early = batch_ends_too_late([(chain, 3)], 2, NOW + 6 * STEP - timedelta(seconds=1), NOW)

    assert early is not None
    assert early.code == "token_ends_soon"
    assert batch_ends_too_late([(chain, 3)], 2, NOW + 6 * STEP, NOW) is None
