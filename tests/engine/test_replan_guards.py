"""When further steps are not planned, what is written then, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.engine.conftest import Engine, document
from tests.store.guards.stored_rows import FUTURE, PAST
from tests.store.guards.workflow_rows import ID, put, stored
from workflows.engine.replan import replan
from workflows.store import documents
from workflows.store.mongo import collection

ANOTHERS = {"lease": {"token": "another", "until": FUTURE}}


def put_due(**fields: Any) -> dict[str, Any]:
    """A workflow whose further steps are due, in a process that has no planner: what is planned
    nevertheless is put off."""
    collection(documents.Spec).insert_one({"_id": f"{ID}/1", "document": document("")})
    return put(**{"replan_due": PAST, **fields})


@pytest.fixture
def broken(engine: Engine) -> tuple[Engine, list[BaseException]]:
    """An engine without a planner, and the defects that it reports."""
    defects: list[BaseException] = []
    context = replace(engine.context, planner=None, broken=defects.append)
    return replace(engine, context=context), defects


@pytest.mark.parametrize(
    "fields",
    [{"replan_due": None}, {"cancel_requested_at": PAST}, {"paused": True}, ANOTHERS],
    ids=["not due", "cancelled", "paused", "leased"],
)
def test_what_needs_no_further_steps_now_stays_as_it_is(
    broken: tuple[Engine, list[BaseException]], fields: dict[str, Any]
) -> None:
    engine, defects = broken
    before = put_due(**fields)

    replan(engine.context, [ID])

    assert stored() == before
    assert defects == []


def test_a_process_that_ends_plans_nothing(broken: tuple[Engine, list[BaseException]]) -> None:
    engine, _ = broken
    before = put_due()
    engine.context.stopping.set()

    replan(engine.context, [ID])

    assert stored() == before


@pytest.mark.parametrize(("failures", "seconds"), [(0, 5), (1, 10), (2, 20)])
def test_what_cannot_be_planned_here_is_tried_again_ever_later_and_never_fails(
    broken: tuple[Engine, list[BaseException]], failures: int, seconds: int
) -> None:
    engine, defects = broken
    put_due(replan_failures=failures)
    begun = datetime.now(UTC) - timedelta(milliseconds=100)

    replan(engine.context, [ID])

    row, wait = stored(), timedelta(seconds=seconds)
    assert (row["replan_failures"], row["replan_reason"]) == (
        failures + 1,
        "this process does not plan",
    )
    assert begun + wait * 0.5 <= row["replan_due"] <= datetime.now(UTC) + wait * 1.5
    assert not {"lease", "unplannable"} & set(row)
    assert len(defects) == 1


def test_after_a_hundred_tries_it_still_waits_for_a_process_that_plans(
    broken: tuple[Engine, list[BaseException]],
) -> None:
    engine, _ = broken
    put_due(replan_failures=100)

    replan(engine.context, [ID])

    assert stored()["replan_failures"] == 101
    assert "unplannable" not in stored()


def test_one_that_cannot_be_read_is_put_off_and_named_by_its_defect(
    broken: tuple[Engine, list[BaseException]],
) -> None:
    engine, defects = broken
    put(replan_due=PAST)  # without a spec

    replan(engine.context, [ID])

    assert stored()["replan_reason"] == type(defects[0]).__name__
    assert stored()["replan_due"] > PAST
