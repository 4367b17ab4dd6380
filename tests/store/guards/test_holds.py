"""Which holds concern whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.guards.stored_rows import ALICE, BOB, FUTURE, PAST, put, stored
from workflows.model.errors import NotFound
from workflows.rules.holds import Mode, Scope
from workflows.store import documents, holds


def put_hold(scope: str, target: str, key: str = "", **fields: Any) -> str:
    key = key or f"{scope} {target}"
    row = {"scope": scope, "target": target, "mode": "hold", "reason": "r", "by": "root"}
    put(documents.Hold, _id=key, **row, created_at=PAST, **fields)
    return key


def ids(found: Any) -> set[str]:
    return {hold.id for hold in found}


def test_holds_are_those_that_last_and_concern_whom_was_asked_for() -> None:
    wide, over = put_hold("global", ""), put_hold("global", "", "over", until=PAST)
    app, template = put_hold("app", "Date", until=FUTURE), put_hold("template", "t@1")
    mine, theirs = put_hold("user", ALICE), put_hold("user", BOB)
    workflow, batch = put_hold("workflow", "wf_1", owner=BOB), put_hold("batch", "b1")
    others = {put_hold("workflow", "b1"), put_hold("batch", "wf_1"), put_hold("template", "u")}
    others |= {put_hold("batch", ALICE), put_hold("batch", BOB)}
    every = {wide, app, template, "template u"}

    assert ids(holds.present()) == every | {mine, theirs, workflow, batch} | others
    assert ids(holds.concerning(ALICE)) == every | {mine}
    of_row = holds.concerning(ALICE, workflow="wf_1", batch="b1")
    assert ids(of_row) == every | {mine, workflow, batch}
    assert ids(holds.on_workflow("wf_1", "b1", "")) == {workflow, batch}
    assert ids(holds.on_workflow("wf_1", "", "t@1")) == {workflow, template}
    assert ids(holds.on_workflow("wf_1", "", "u@7")) == {workflow, "template u"}
    assert ids(holds.visible_to(BOB)) == every | {theirs, workflow}
    assert ids(holds.on_target(Scope.GLOBAL, "")) == {wide}
    assert stored(documents.Hold, over)


def test_a_hold_that_a_user_has_set_is_seen_and_counted() -> None:
    put_hold("workflow", "wf_1")
    row = {"scope": "workflow", "target": "wf_2", "mode": "hold", "reason": "r", "by": ALICE}
    put(documents.Hold, _id="mine", **row, created_at=PAST)
    put(documents.Hold, _id="over", **row, created_at=PAST, until=PAST)

    assert ids(holds.visible_to(ALICE)) == {"mine"}
    assert holds.count_set_by(ALICE) == 1


def test_only_the_named_holds_are_deleted() -> None:
    kept = put_hold("app", "Date")

    assert holds.delete([put_hold("global", ""), "unknown"]) == 1

    assert ids(holds.present()) == {kept}


def test_a_hold_is_stored_as_it_was_set() -> None:
    put_hold("global", "")

    found = holds.insert(
        Scope.WORKFLOW, "wf_1", Mode.DRAIN, "$r", by=ALICE, owner=BOB, until=FUTURE
    )
    plain = holds.insert(Scope.GLOBAL, "", Mode.HOLD, "r", by="root")

    row = stored(documents.Hold, found.id)
    named = {"scope": "workflow", "target": "wf_1", "mode": "drain", "reason": "$r", "by": ALICE}
    assert {name: row[name] for name in named} == named
    assert (row["owner"], row["until"], row["created_at"] > PAST) == (BOB, FUTURE, True)
    assert holds.get(found.id) == found
    assert not {"owner", "until"} & set(stored(documents.Hold, plain.id))
    with pytest.raises(NotFound):
        holds.get("unknown")
