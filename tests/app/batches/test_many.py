"""Workflows are found by a filter, and one action is done to all that it finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.connections import connections
from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import document
from workflows.store import documents
from workflows.store.mongo import collection
from workflows.store.workflows import listing
from workflows.store.workflows.filters import Wanted, conditions

ACTIONS = f"{ROOT}/actions"


def act(api: Api, action: str, user: str = ALICE, **body: Any) -> Any:
    answer = api("POST", ACTIONS, user, json={"action": action, **body})
    assert answer.status_code == 200, answer.text
    return answer.json


def outcomes(found: Any) -> dict[str, str]:
    return {each["workflow_id"]: each["outcome"] for each in found["outcomes"]}


def names(found: Any) -> list[str]:
    return [each["workflow_name"] for each in found["workflows"]]


def state(api: Api, workflow_id: str) -> str:
    return str(api("GET", f"{ROOT}/{workflow_id}/status").json["status"])


@pytest.fixture
def three(api: Api) -> list[str]:
    """Two of a screen, and another one."""
    named = ("Screen A.1", "screen b", "other")
    return [api.submit(document("", workflow_name=name)) for name in named]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"name": "SCREEN"}, ["screen b", "Screen A.1"]),
        ({"name": "a.1"}, ["Screen A.1"]),
        ({"name": ".*"}, []),
        ({"name": "a\0"}, []),
        ({"app": "date"}, ["other", "screen b", "Screen A.1"]),
        ({"app": "dat"}, []),
        ({"sort": "created_at"}, ["Screen A.1", "screen b", "other"]),
        ({"sort": "name"}, ["Screen A.1", "other", "screen b"]),
        ({"sort": "-name"}, ["screen b", "other", "Screen A.1"]),
        ({"parked": "true"}, []),
        ({"parked": "false"}, ["other", "screen b", "Screen A.1"]),
    ],
)
@pytest.mark.usefixtures("three")
def test_workflows_are_found_without_knowing_them_exactly(
    api: Api, query: dict[str, str], expected: list[str]
) -> None:
    assert names(api("GET", ROOT, query_string=query).json) == expected


@pytest.mark.parametrize("sort", ["created_at", "-name", "updated_at"])
def test_pages_of_every_order_hold_each_workflow_once(
    api: Api, three: list[str], sort: str
) -> None:
    seen, token = [], ""
    while token is not None:
        page = api("GET", ROOT, query_string={"page_size": 1, "page_token": token, "sort": sort})
        seen += [each["workflow_id"] for each in page.json["workflows"]]
        token = page.json["next_page_token"]

    assert sorted(seen) == sorted(three)
    assert len(seen) == 3


def test_counts_by_state_stand_beside_the_list(api: Api, three: list[str]) -> None:
    api("POST", f"{ROOT}/{three[0]}/cancel")

    found = api("GET", ROOT, query_string={"counts": "true", "page_size": 1}).json
    of_screen = api("GET", ROOT, query_string={"counts": "", "name": "screen"}).json

    assert found["counts"] == {"cancelled": 1, "pending": 2}
    assert of_screen["counts"] == {"cancelled": 1, "pending": 1}
    assert "counts" not in api("GET", ROOT).json


@pytest.mark.parametrize(
    ("query", "hint"),
    [("colour=red", "known are"), ("stat=failed", "'status'"), ("owners=x", "'owner'")],
)
def test_an_unknown_argument_is_refused(api: Api, query: str, hint: str) -> None:
    answer = api("GET", f"{ROOT}?{query}")

    assert answer.status_code == 400
    assert [each["path"] for each in answer.json["errors"]] == [query.split("=", maxsplit=1)[0]]
    assert hint in answer.json["detail"]


def test_admins_see_the_workflows_of_all_users_and_others_do_not(api: Api) -> None:
    api.submit(document("", workflow_name="of alice"))
    api.submit(document("", workflow_name="of bob"), BOB)

    assert names(api("GET", f"{ROOT}?owner=*", ADMIN).json) == ["of bob", "of alice"]
    assert names(api("GET", f"{ROOT}?owner={BOB}", ADMIN).json) == ["of bob"]
    assert names(api("GET", ROOT, ADMIN).json) == []
    assert api("GET", f"{ROOT}?owner={ALICE}").json["workflows"][0]["owner"] == ALICE
    assert api("GET", f"{ROOT}?owner={BOB}").status_code == 403
    assert api("GET", f"{ROOT}?owner=*").status_code == 403
    assert api("GET", f"{ROOT}?owner=*&sort=name", ADMIN).status_code == 400


@pytest.mark.usefixtures("three")
def test_a_list_reads_nothing_of_other_users() -> None:
    rows = collection(documents.Workflow)
    pattern = rows.find_one({})
    rows.insert_many(
        {**pattern, "_id": f"wf_{number:032x}", "owner": f"user{number % 50}@bvbrc"}
        for number in range(1, 3_000)
    )
    for wanted in (Wanted(), Wanted(name="screen"), Wanted(has_failed_step=False)):
        found = rows.find({"$and": conditions(ALICE, wanted)}).sort(listing.NEWEST_FIRST.keys)
        read = found.limit(51).explain()["executionStats"]

        assert read["totalDocsExamined"] <= 3
        assert read["totalKeysExamined"] <= 6
    every = rows.find({}).sort(listing.NEWEST_FIRST.keys).limit(51).explain()
    assert every["executionStats"]["totalDocsExamined"] == 51


def test_all_that_a_filter_finds_are_cancelled(api: Api, three: list[str]) -> None:
    seen = act(api, "cancel", filter={"name": "screen"}, dry_run=True)
    done = act(api, "cancel", filter={"name": "screen"}, expected_count=seen["matched"])

    assert outcomes(seen) == dict.fromkeys(three[:2], "would_cancel")
    assert outcomes(done) == dict.fromkeys(three[:2], "cancelled")
    assert done["matched"] == 2
    assert done["next_page_token"] is None
    assert [state(api, each) for each in three] == ["cancelled", "cancelled", "pending"]
    assert act(api, "cancel", filter={"name": "screen"})["matched"] == 0


def test_an_action_goes_on_page_by_page(api: Api, three: list[str]) -> None:
    body: dict[str, Any] = {"filter": {"status": "pending"}, "page_size": 1, "expected_count": 3}
    calls, token, seen = 0, "", {}
    ids = set()
    while token is not None:
        found = act(api, "cancel", **body, **({"page_token": token} if token else {}))
        token, calls = found["next_page_token"], calls + 1
        seen |= outcomes(found)
        ids.add(found["action_id"])
        assert found["matched"] == 3
        late = api.submit(document(""))

    assert (calls, len(ids)) == (3, 1)
    assert seen == dict.fromkeys(three, "cancelled")
    assert state(api, late) == "pending"


def test_a_token_belongs_to_one_action_and_filter(api: Api, three: list[str]) -> None:
    token = act(api, "cancel", filter={"name": "screen"}, page_size=1)["next_page_token"]

    for body in (
        {"action": "cancel", "filter": {"status": "pending"}},
        {"action": "delete", "filter": {"name": "screen"}},
    ):
        answer = api("POST", ACTIONS, json={**body, "page_token": token})
        assert answer.status_code == 400
        assert [each["path"] for each in answer.json["errors"]] == ["page_token"]
    assert state(api, three[2]) == "pending"


def test_nothing_is_done_where_another_number_matches(api: Api, three: list[str]) -> None:
    body = {"action": "cancel", "filter": {"name": "screen"}, "expected_count": 3}
    answer = api("POST", ACTIONS, json=body)

    assert answer.status_code == 409
    assert "applies to 2 workflows, and 3 were expected" in answer.json["detail"]
    assert {state(api, each) for each in three} == {"pending"}


def test_retry_and_delete_apply_to_what_has_ended(api: Api, three: list[str]) -> None:
    act(api, "cancel", filter={"workflow_id": three[:2]})
    engine = api.engine()
    early = act(api, "retry", filter={"workflow_id": three})
    engine.until(lambda: all(engine.states(each) == ["cancelled"] for each in three[:2]))

    retried = act(api, "retry", filter={"workflow_id": three})
    deleted = act(api, "delete", filter={"workflow_id": three[:2]}, expected_count=0)
    engine.ends(three[0])
    deleted_later = act(api, "delete", filter={"workflow_id": three[0]})

    assert outcomes(early) == dict.fromkeys(three[:2], "unchanged")
    assert "cancel is processed" in early["outcomes"][0]["message"]
    assert outcomes(retried) == dict.fromkeys(three[:2], "retried")
    assert deleted["outcomes"] == []
    assert outcomes(deleted_later) == {three[0]: "deleted"}
    assert api("GET", f"{ROOT}/{three[0]}").status_code == 404


def test_a_retry_beyond_the_quota_is_refused_one_by_one(make_api: Callable[..., Api]) -> None:
    api = make_api(quotas={"active_workflows": 1})
    ids = []
    for _ in range(2):
        ids.append(api.submit(document("")))
        api("POST", f"{ROOT}/{ids[-1]}/cancel")

    found = act(api, "retry", filter={"status": ["cancelled"]})

    assert sorted(outcomes(found).values()) == ["refused", "retried"]
    assert any("active_workflows" in each["message"] for each in found["outcomes"])


def test_nobody_acts_on_workflows_of_others_but_admins(api: Api, three: list[str]) -> None:
    theirs = api.submit(document(""), BOB)

    assert act(api, "cancel", filter={"workflow_id": theirs})["matched"] == 0
    answer = api("POST", ACTIONS, json={"action": "cancel", "filter": {"owner": BOB}})
    assert answer.status_code == 403
    assert act(api, "cancel", BOB, filter={}, expected_count=1)["matched"] == 1
    done = act(api, "cancel", ADMIN, filter={"owner": "*", "name": "screen"})
    assert sorted(outcomes(done)) == sorted(three[:2])


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["action", "filter"]),
        ([], [""]),
        ({"action": "stop", "filter": {"name": "x"}}, ["action"]),
        ({"action": "cancel", "filter": {}}, ["filter"]),
        ({"action": "cancel", "filter": []}, ["filter"]),
        ({"action": "cancel", "filters": {"name": "x"}}, ["filters", "filter"]),
        ({"action": "cancel", "filter": {"state": "failed"}}, ["filter.state"]),
        ({"action": "cancel", "filter": {"status": ["x"]}}, ["filter.status[0]"]),
        ({"action": "cancel", "filter": {"name": 1}}, ["filter.name"]),
        ({"action": "cancel", "filter": {"name": "x"}, "page_size": 101}, ["page_size"]),
        ({"action": "cancel", "filter": {"name": "x"}, "expected_count": True}, ["expected_count"]),
        ({"action": "cancel", "filter": {"name": "x"}, "dry_run": "no"}, ["dry_run"]),
        ({"action": "cancel", "filter": {"name": "x"}, "page_token": "W10"}, ["page_token"]),
    ],
)
def test_a_bad_action_is_refused_with_its_places(
    api: Api, three: list[str], body: Any, paths: list[str]
) -> None:
    answer = api("POST", ACTIONS, json=body)

    assert answer.status_code == 400
    assert [each["path"] for each in answer.json["errors"]] == paths
    assert {state(api, each) for each in three} == {"pending"}


def test_steps_of_a_wide_workflow_come_in_pages(api: Api) -> None:
    api.simulator.app(output_file="o1", outcome="failed")
    workflow_id = api.submit(document("", "", "", ""))
    api.engine().ends(workflow_id)
    path = f"{ROOT}/{workflow_id}/status"

    failed = api("GET", f"{path}?steps=failed").json
    first = api("GET", f"{path}?page_size=3").json
    second = api("GET", f"{path}?page_size=3&page_token={first['next_page_token']}").json

    assert [each["step_name"] for each in failed["steps"]] == ["b"]
    assert failed["steps"][0]["error_message"]
    assert failed["step_counts"] == {"failed": 1, "succeeded": 3}
    assert failed["next_page_token"] is None
    assert [each["step_name"] for each in first["steps"] + second["steps"]] == ["a", "b", "c", "d"]
    assert all(each["step_id"] for each in second["steps"])
    assert second["next_page_token"] is None
    assert "step_counts" not in api("GET", path).json
    assert api("GET", f"{path}?steps=done").status_code == 400


def test_a_workflow_that_waits_for_a_token_says_so_everywhere(api: Api) -> None:
    workflow_id = api.submit(document(""))
    ended = api.submit(document(""), BOB)
    with api.client.application.app_context():
        connections()
    collection(documents.Credential).update_one({"_id": ALICE}, [{"$set": {"refused_at": "$$NOW"}}])
    api("POST", f"{ROOT}/{ended}/cancel", BOB)
    collection(documents.Credential).delete_one({"_id": BOB})

    status = api("GET", f"{ROOT}/{workflow_id}/status").json
    (listed,) = api("GET", f"{ROOT}?parked=true").json["workflows"]
    whole = api("GET", f"{ROOT}/{workflow_id}").json

    for found in (status, listed, whole):
        assert found["parked"] is True
        assert found["parked_since"] >= found["created_at"]
        assert found["status"] == "pending"
    assert api("GET", f"{ROOT}/{ended}/status", BOB).json["parked"] is False
    assert api("GET", f"{ROOT}?parked=false").json["workflows"] == []
    assert len(api("GET", f"{ROOT}?owner=*&parked=", ADMIN).json["workflows"]) == 1
    assert api("GET", f"{ROOT}?parked=true", BOB).json["workflows"] == []
    api("PUT", f"{ROOT}/{workflow_id}/token")
    assert api("GET", f"{ROOT}/{workflow_id}/status").json["parked"] is False


def test_a_workflow_whose_token_was_deleted_waits_since_an_unknown_time(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api("DELETE", "/api/v1/credentials")

    found = api("GET", f"{ROOT}/{workflow_id}/status").json

    assert (found["parked"], found["parked_since"]) == (True, None)


def test_what_a_filter_finds_is_paused_and_resumed(api: Api, three: list[str]) -> None:
    first, second, other = three
    engine = api.engine()

    would = act(api, "pause", filter={"name": "screen"}, dry_run=True)
    paused = act(api, "pause", filter={"name": "screen"})
    assert set(outcomes(would).values()) == {"would_pause"}
    assert outcomes(paused) == {first: "paused", second: "paused"}
    assert engine.ends(other) == "succeeded"
    assert len(api.simulator.jobs()) == 1

    assert outcomes(act(api, "resume", filter={"name": "screen"})) == {
        first: "resumed",
        second: "resumed",
    }
    assert [engine.ends(each) for each in (first, second)] == ["succeeded"] * 2
    assert act(api, "pause", filter={"name": "screen"})["matched"] == 0
