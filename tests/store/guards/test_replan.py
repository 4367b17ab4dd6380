"""Which workflows are due for planning their further steps, and in what order."""

from __future__ import annotations

from datetime import timedelta

from tests.store.guards.stored_rows import ALICE, BOB, FUTURE, MINUTE, PAST
from tests.store.guards.workflow_rows import put
from workflows.store import documents
from workflows.store.mongo import Row, ago, collection
from workflows.store.workflows import replan

NOW, HOUR = timedelta(0), timedelta(hours=1)


def put_due(key: str, owner: str = ALICE, **fields: object) -> None:
    put(_id=key, owner=owner, **{"replan_due": PAST, **fields})


def test_the_workflow_that_has_waited_longest_is_planned_first() -> None:
    put_due("wf_1", replan_due=PAST + MINUTE)
    put_due("wf_2")
    put_due("wf_3", replan_due=PAST + HOUR)
    put_due("paused", paused=True)
    put_due("future", replan_due=FUTURE)
    put_due("not due", replan_due=None)

    assert replan.due(9, NOW) == ["wf_2", "wf_1", "wf_3"]
    assert replan.due(2, NOW) == ["wf_2", "wf_1"]


def test_what_has_just_become_due_is_not_overdue() -> None:
    put_due("wf_1")
    since: list[Row] = [{"$set": {"replan_due": ago(MINUTE)}}]
    collection(documents.Workflow).update_one({"_id": "wf_1"}, since)

    assert replan.due(9, NOW) == ["wf_1"]
    assert replan.due(9, HOUR) == []


def test_of_each_user_the_one_is_planned_that_has_waited_longest() -> None:
    put_due("a1", replan_due=PAST + HOUR)
    put_due("a2", replan_due=PAST + MINUTE)
    put_due("b1", BOB, replan_due=PAST + HOUR)
    put_due("b2", BOB)
    put_due("b3", BOB, replan_due=PAST - HOUR, paused=True)
    put_due("c1", "carol@bvbrc", replan_due=FUTURE)

    assert replan.due_of_each(9, []) == ["b2", "a2"]
    assert replan.due_of_each(1, []) == ["b2"]
    assert replan.due_of_each(9, ["b2"]) == ["a2", "b1"]
    assert replan.due_of_each(9, ["a1", "a2", "b1", "b2"]) == []
