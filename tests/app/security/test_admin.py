"""Operators see at a glance what waits, for whom, how long and why; others see nothing of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.app.conftest import ADMIN, ALICE, BOB, Api
from tests.engine.conftest import document
from workflows import __version__
from workflows.engine.advance import advance
from workflows.store import documents
from workflows.store.mongo import collection
from workflows.store.processes import heartbeats, service_status, sweeps

PATH = "/api/v1/admin/overview"


def overview(api: Api) -> Any:
    answer = api("GET", PATH, ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_only_admins_see_it(api: Api) -> None:
    assert api("GET", PATH, ALICE).status_code == 403
    assert api("GET", PATH, None).status_code == 401
    assert overview(api)["incomplete"] == []


def test_it_says_what_waits_for_whom(api: Api) -> None:
    ids = [api.submit(document("", "")), api.submit(document(""), BOB)]
    advance(api.engine().context, ids)
    collection(documents.Credential).delete_one({"_id": BOB})

    found = overview(api)

    assert found["workflows"] == {"queued": 2}
    assert found["progress"]["jobs"]["intended"] == 3
    assert [(each["owner"], each["waiting"], each["parked"]) for each in found["outbox"]] == [
        (ALICE, 2, False),
        (BOB, 1, True),
    ]
    assert found["parked"] == [{"owner": BOB, "workflows": 1, "since": None}]
    assert {(each["owner"], each["active"]) for each in found["users"]} == {(ALICE, 1), (BOB, 1)}
    assert {each["name"] for each in found["queues"]} >= {"advances", "kills", "look-ups"}
    assert found["messages"]


def test_it_names_processes_services_and_slow_sweeps(api: Api) -> None:
    heartbeats.record_heartbeat("worker@here:1", "worker", ["polls"], cut_off=True)
    heartbeats.record_heartbeat("api@here:2", "api")  # as the API records that a probe asked it
    service_status.report(service_status.APPSERVICE, service_status.AWAY, "it hangs")
    collection(documents.Lock).update_one({"_id": "sweep"}, {"$set": {"last": None}}, upsert=True)
    for seconds in range(1, 8):
        sweeps.record(timedelta(seconds=seconds))

    found = overview(api)

    (worker,) = [each for each in found["processes"] if each["kind"] == "worker"]
    assert "api" not in {each["kind"] for each in found["processes"]}
    assert (worker["name"], worker["version"]) == ("worker@here:1", __version__)
    assert worker["breaker_open"] is True
    assert worker["seen_seconds"] < 60
    (service,) = found["services"]
    assert (service["name"], service["state"], service["reason"]) == (
        "appservice",
        "away",
        "it hangs",
    )
    assert [each["seconds"] for each in found["slowest_sweeps"]] == [7, 6, 5, 4, 3]


def test_what_is_stuck_is_named_with_its_reason(api: Api) -> None:
    overdue, broken, unplannable = (api.submit(document("")) for _ in range(3))
    rows = collection(documents.Workflow)
    long_ago = {"$subtract": ["$$NOW", 3_600_000]}
    rows.update_one({"_id": overdue}, [{"$set": {"next_check": long_ago}}])
    rows.update_one({"_id": broken}, [{"$set": {"failures": 7}}])
    rows.update_one(
        {"_id": unplannable},
        [
            {"$set": {"replan_due": "$$NOW", "replan_failures": 2, "replan_reason": "no planner"}},
            {"$unset": "next_check"},
        ],
    )

    why = {each["workflow_id"]: each["why"] for each in overview(api)["stuck"]}

    assert "no worker has done it" in why[overdue]
    assert "failed 7 times" in why[broken]
    assert "no planner" in why[unplannable]
    assert len(why) == 3


def test_a_job_in_doubt_is_named(api: Api) -> None:
    workflow_id = api.submit(document(""))
    advance(api.engine().context, [workflow_id])
    doubtful = {
        "state": "sending",
        "in_doubt": True,
        "reason": "connection reset",
        "sent_at": {"$subtract": ["$$NOW", 3_600_000]},
    }
    collection(documents.Job).update_one({"workflow": workflow_id}, [{"$set": doubtful}])

    (stuck,) = overview(api)["stuck"]

    assert stuck["job"] == f"{workflow_id}/0/1"
    assert "connection reset" in stuck["why"]
