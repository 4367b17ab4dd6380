"""Whether the gather of a batch begins, and the status that follows from rows and gather."""

from __future__ import annotations

import pytest

from workflows.rules.batch_gather import (
    GatherFacts,
    batch_status,
    gather_begins,
    gather_message,
    gather_state,
)


@pytest.mark.parametrize(
    ("require", "counts", "begins"),
    [
        ("any", {"succeeded": 2, "running": 1}, False),
        ("any", {"succeeded": 2, "waiting": 1}, False),
        ("any", {"succeeded": 2, "failed": 1, "cancelled": 1}, True),
        ("any", {"failed": 1, "cancelled": 1}, False),
        ("all", {"succeeded": 3}, True),
        ("all", {"succeeded": 2, "failed": 1}, False),
        ("all", {"succeeded": 2, "deleted": 1}, False),
    ],
)
def test_it_begins_when_all_rows_have_ended_well_enough(
    require: str, counts: dict[str, int], begins: bool
) -> None:
    assert gather_begins(GatherFacts(require, None), counts) is begins
    assert not gather_begins(GatherFacts(require, 2, "running"), counts)


@pytest.mark.parametrize(
    ("gather", "counts", "cancelled", "state", "status"),
    [
        (GatherFacts("any", None), {"running": 1}, False, "waiting", "running"),
        (GatherFacts("any", None), {"succeeded": 1}, False, "waiting", "running"),
        (GatherFacts("any", 1, "pending"), {"succeeded": 1}, False, "pending", "running"),
        (GatherFacts("any", 1, "running"), {"succeeded": 1, "failed": 1}, 0, "running", "running"),
        (GatherFacts("any", 1, "succeeded"), {"succeeded": 1}, False, "succeeded", "succeeded"),
        (
            GatherFacts("any", 1, "succeeded"),
            {"succeeded": 1, "failed": 1},
            0,
            "succeeded",
            "failed",
        ),
        (GatherFacts("any", 1, "failed"), {"succeeded": 1}, False, "failed", "failed"),
        (GatherFacts("any", 1, "failed"), {"cancelled": 1}, True, "failed", "failed"),
        (GatherFacts("any", 1, "cancelled"), {"succeeded": 1}, False, "cancelled", "cancelled"),
        (GatherFacts("any", 1, "cancelled"), {"failed": 1}, False, "cancelled", "failed"),
        (GatherFacts("any", 1), {"succeeded": 1}, False, "deleted", "succeeded"),
        (GatherFacts("any", 1, problem="large"), {"succeeded": 1}, False, "failed", "failed"),
        (GatherFacts("any", 1, "succeeded"), {"running": 1}, False, "succeeded", "running"),
        (GatherFacts("all", None), {"succeeded": 1, "failed": 1}, False, "skipped", "failed"),
        (GatherFacts("all", None), {"succeeded": 1, "deleted": 1}, False, "skipped", "failed"),
        (GatherFacts("any", None), {"cancelled": 2}, False, "skipped", "cancelled"),
        (GatherFacts("any", None), {"succeeded": 1}, True, "cancelled", "cancelled"),
    ],
)
def test_the_status_follows_from_the_rows_and_the_gather(
    gather: GatherFacts, counts: dict[str, int], cancelled: bool, state: str, status: str
) -> None:
    assert gather_state(gather, counts, cancelled=cancelled) == state
    assert batch_status(counts, gather, cancelled=cancelled) == status


@pytest.mark.parametrize("status", ["running", "succeeded", "failed"])
def test_the_status_of_a_batch_without_a_gather_is_that_of_its_rows(status: str) -> None:
    assert batch_status({status: 2}, None, cancelled=False) == status


def test_a_batch_runs_while_its_rows_do_though_its_gather_has_failed() -> None:
    gather = GatherFacts("any", 1, "failed")

    assert batch_status({"running": 1, "succeeded": 1}, gather, cancelled=False) == "running"


def test_why_no_gather_could_be_made_is_said() -> None:
    gather = GatherFacts("any", 1, problem="it is too large")

    assert gather_message(gather, {"succeeded": 2}, cancelled=False) == "it is too large"


def test_what_keeps_it_from_beginning_is_said() -> None:
    counts = {"succeeded": 44, "failed": 3}

    skipped = gather_message(GatherFacts("all", None), counts, cancelled=False)
    made_before = gather_message(GatherFacts("any", 42, "succeeded"), counts, cancelled=False)

    assert "3 of 47 did not succeed" in skipped
    assert "made of 42 rows; 2 more" in made_before
    assert gather_message(GatherFacts("any", 44, "running"), counts, cancelled=False) == ""
    assert gather_message(GatherFacts("any", None), {"running": 1}, cancelled=False) == ""
