"""Who may see, change, lift and pause what. It asks MongoDB alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import MongoClient

from workflows.engine import access, holds
from workflows.engine.access import Caller
from workflows.engine.batches import commands as batches
from workflows.engine.notifications import emails, webhooks
from workflows.engine.templates import commands as templates
from workflows.model.errors import Conflict, Forbidden, NotFound
from workflows.rules.holds import Mode, Scope
from workflows.store import connection, documents
from workflows.store.mongo import collection
from workflows.store.workflows import stored
from workflows.store.workflows.stored import StoredWorkflow

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
ALICE, BOB, ADMIN = "alice@bvbrc", "bob@bvbrc", "root@bvbrc"
OWNER, OTHER, ROOT = Caller(ALICE), Caller(BOB), Caller(ADMIN, is_admin=True)
NAMELESS, READER = Caller(None), Caller(None, has_link=True)
TIMES = {"created_at": PAST, "updated_at": PAST}


@pytest.fixture(scope="module")
def opened(mongo_uri: str, mongo: MongoClient) -> Iterator[str]:
    connection.open_database(mongo_uri, "test_rights")
    yield "test_rights"
    connection.close_database()
    mongo.drop_database("test_rights")


@pytest.fixture(autouse=True)
def empty_store(opened: str, mongo: MongoClient) -> None:
    for name in mongo[opened].list_collection_names():
        mongo[opened][name].delete_many({})


def put(document: Any, key: str, **fields: Any) -> None:
    collection(document).insert_one({"_id": key, "owner": ALICE, **TIMES, **fields})


def put_workflow(key: str = "wf_1", **fields: Any) -> StoredWorkflow:
    steps = {"states": ["pending"], "attempts": [0], "step_count": 1, "cap": 1, "sequence": 0}
    row = {"name": "w", "spec": f"{key}/1", "state": "running", **steps, **fields}
    put(documents.Workflow, key, **row)
    return stored.get(key)


def put_hold(key: str = "h1", by: str = ALICE, **fields: Any) -> None:
    row = {"scope": "workflow", "target": "wf_1", "mode": "hold", "reason": "r", "by": by}
    put(documents.Hold, key, **row | fields)


def held() -> set[str]:
    return {row["_id"] for row in collection(documents.Hold).find()}


@pytest.mark.parametrize(
    ("caller", "sees"),
    [
        (OWNER, True),
        (OTHER, False),
        (ROOT, True),
        (NAMELESS, False),
        (Caller(None, is_admin=True), False),
        (READER, True),
        (Caller(BOB, has_link=True), True),
    ],
)
def test_a_workflow_is_seen_by_its_owner_an_admin_and_whoever_has_its_link(
    caller: Caller, *, sees: bool
) -> None:
    put_workflow()

    assert caller.may_see(ALICE) is sees
    if sees:
        assert access.load("wf_1", caller).id == "wf_1"
    else:
        with pytest.raises(Forbidden):
            access.load("wf_1", caller)


BATCH = {"name": "b", "count": 1, "made": 0, "max_active": 1, "seed": "00", "bytes": 1}
HOOK = {"url": "https://a.org", "state": "enabled", "unsubscribe": "u"}
LOADS: dict[str, tuple[Callable[[Caller], Any], Any, dict[str, Any]]] = {
    "batch": (lambda caller: batches.load("x", caller), documents.Batch, BATCH),
    "webhook": (lambda caller: webhooks.load("x", caller), documents.Webhook, HOOK),
    "address": (
        lambda caller: emails.load("x", caller),
        documents.Webhook,
        {**HOOK, "kind": "email"},
    ),
}


@pytest.mark.parametrize("name", LOADS)
def test_what_a_user_has_is_loaded_for_that_user_and_admins(name: str) -> None:
    load, document, fields = LOADS[name]
    put(document, "x", **fields)

    for caller in (OWNER, ROOT):
        assert load(caller).id == "x"
    for caller in (OTHER, NAMELESS):
        with pytest.raises(Forbidden):
            load(caller)


@pytest.mark.parametrize(
    ("fields", "callers"),
    [
        ({"visibility": "private"}, [OWNER, ROOT]),
        ({"visibility": "private", "shared_with": [BOB]}, [OWNER, OTHER, ROOT]),
        ({"visibility": "public"}, [OWNER, OTHER, ROOT, NAMELESS]),
    ],
)
def test_a_template_is_found_by_those_who_may_use_it(
    fields: dict[str, Any], callers: list[Caller]
) -> None:
    put(documents.Template, "t", latest=1, **fields)

    for caller in (OWNER, OTHER, ROOT, NAMELESS):
        if caller in callers:
            assert templates.load_name("t", caller).name == "t"
        else:
            with pytest.raises(NotFound):
                templates.load_name("t", caller)


@pytest.mark.parametrize(
    ("caller", "lifts"), [(OWNER, True), (ROOT, True), (OTHER, False), (NAMELESS, False)]
)
def test_a_hold_is_lifted_by_who_has_set_it_or_an_admin(caller: Caller, *, lifts: bool) -> None:
    put_hold()
    put_hold("h2")

    if lifts:
        holds.lift(caller, "h1")
    else:
        with pytest.raises(Forbidden):
            holds.lift(caller, "h1")

    assert held() == ({"h2"} if lifts else {"h1", "h2"})


def test_what_a_user_may_not_lift_stays_and_is_named() -> None:
    put_hold("mine")
    put_hold("theirs", by=ADMIN)
    put_hold("of another", target="wf_2")

    with pytest.raises(Conflict, match=ADMIN):
        holds.lift_all(OWNER, Scope.WORKFLOW, "wf_1")
    assert held() == {"theirs", "of another"}

    holds.lift_all(ROOT, Scope.WORKFLOW, "wf_1")
    assert held() == {"of another"}


def test_a_user_has_no_more_holds_than_may_be() -> None:
    row = {"scope": "user", "target": ALICE, "mode": "hold", "reason": "r", "by": ALICE, **TIMES}
    rows = [{"_id": f"h{number}", **row} for number in range(holds.MOST - 1)]
    collection(documents.Hold).insert_many(rows)
    workflow = put_workflow()

    assert holds.set_hold(OWNER, Scope.APP, "Date", Mode.HOLD, "r").hold.by == ALICE

    with pytest.raises(Conflict):
        holds.set_hold(OWNER, Scope.APP, "Date", Mode.HOLD, "r")
    with pytest.raises(Conflict):
        holds.store_pause(OWNER, workflow)
    assert holds.store_pause(Caller(BOB), workflow)


def test_an_admin_has_as_many_holds_as_it_takes() -> None:
    row = {"scope": "user", "target": ALICE, "mode": "hold", "reason": "r", "by": ADMIN, **TIMES}
    rows = [{"_id": f"h{number}", **row} for number in range(holds.MOST)]
    collection(documents.Hold).insert_many(rows)

    assert holds.store_pause(ROOT, put_workflow())


@pytest.mark.parametrize("state", ["planned", "succeeded", "failed", "cancelled"])
def test_only_what_is_under_way_is_paused(state: str) -> None:
    with pytest.raises(Conflict):
        holds.store_pause(OWNER, put_workflow(state=state))

    assert held() == set()


@pytest.mark.parametrize(
    ("fields", "paused"),
    [
        ({}, False),
        ({"until": FUTURE}, True),
        ({"by": ADMIN}, True),
        ({"target": "wf_2"}, True),
    ],
)
def test_what_the_user_has_paused_already_is_not_paused_again(
    fields: dict[str, Any], *, paused: bool
) -> None:
    put_hold(**fields)

    assert holds.store_pause(OWNER, put_workflow()) is paused

    assert len(held()) == 1 + paused


def test_a_pause_is_of_its_workflow_and_says_by_whom() -> None:
    assert holds.pause(ROOT, put_workflow()) == 0

    [row] = collection(documents.Hold).find()
    named = {"scope": "workflow", "target": "wf_1", "by": ADMIN, "owner": ALICE, "mode": "hold"}
    assert {name: row[name] for name in named} == named


def test_a_resumed_workflow_has_no_hold_and_is_not_paused() -> None:
    workflow = put_workflow(paused=True)
    put_hold()

    holds.resume(OWNER, workflow)

    assert held() == set()
    assert not stored.get("wf_1").paused


def test_an_admin_sees_every_hold_and_a_user_those_that_concern_the_user() -> None:
    put_hold()
    put_hold("h2", by=BOB, owner=BOB)

    seen = {
        caller.name: {hold.id for hold in holds.list_visible(caller)} for caller in (OWNER, ROOT)
    }
    assert seen == {ALICE: {"h1"}, ADMIN: {"h1", "h2"}}
