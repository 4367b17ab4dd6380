"""Cancelled, retried, given a fresh token."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import document
from workflows.bvbrc.token import parse


def test_a_cancel_tells_what_became_of_each_step_and_can_be_repeated(api: Api) -> None:
    api.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    workflow_id = api.submit(document("", "a"))
    engine = api.engine()
    engine.until(lambda: engine.states(workflow_id)[0] == "running")
    job_id = api.simulator.jobs()[0]["id"]

    cancelled = api("POST", f"{ROOT}/{workflow_id}/cancel")
    engine.ends(workflow_id)
    again = api("POST", f"{ROOT}/{workflow_id}/cancel")

    assert cancelled.status_code == again.status_code == 200
    assert cancelled.json == {
        "workflow_id": workflow_id,
        "status": "cancelled",
        "message": "Workflow cancelled successfully",
        "steps": [
            {"step_name": "a", "job_id": job_id, "outcome": "kill_requested"},
            {"step_name": "b", "job_id": "", "outcome": "never_started"},
        ],
    }
    assert [step["outcome"] for step in again.json["steps"]] == ["killed", "never_started"]


def test_a_workflow_that_has_ended_cannot_be_cancelled(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)

    answer = api("POST", f"{ROOT}/{workflow_id}/cancel")

    assert answer.status_code == 400
    assert answer.json["detail"] == "Cannot cancel workflow with status 'succeeded'"


def test_a_failed_workflow_is_taken_up_again_and_keeps_what_succeeded(api: Api) -> None:
    api.simulator.app(
        queue_seconds=0, run_seconds=0, lag_seconds=0, outcome="failed", output_file="o1", count=1
    )
    workflow_id = api.submit(document("", "a", "b"))
    engine = api.engine()
    assert engine.ends(workflow_id) == "failed"

    answer = api("POST", f"{ROOT}/{workflow_id}/retry")

    assert answer.status_code == 200
    assert answer.json["status"] == "pending"
    assert engine.ends(workflow_id) == "succeeded"
    files = [job["output_file"] for job in api.simulator.jobs()]
    assert files.count("o0") == 1


def test_a_workflow_that_succeeded_or_runs_is_not_taken_up_again(api: Api) -> None:
    workflow_id = api.submit(document(""))

    runs = api("POST", f"{ROOT}/{workflow_id}/retry")
    api.engine().ends(workflow_id)
    succeeded = api("POST", f"{ROOT}/{workflow_id}/retry")

    assert (runs.status_code, succeeded.status_code) == (409, 409)
    assert "'pending'" in runs.json["detail"]
    assert "'succeeded'" in succeeded.json["detail"]


def test_a_cancelled_plan_that_has_problems_is_not_taken_up(api: Api) -> None:
    faulty = {"steps": [{"step_name": "x", "app": "Sleep", "params": {"sleep_time": "${nothing}"}}]}
    workflow_id = api("POST", f"{ROOT}/plan", json=faulty).json["workflow_id"]
    api("POST", f"{ROOT}/{workflow_id}/cancel")

    answer = api("POST", f"{ROOT}/{workflow_id}/retry")

    assert answer.status_code == 409
    assert "problems" in answer.json["detail"]
    assert [error["code"] for error in answer.json["errors"]][:1] == ["missing_field"]
    assert api("GET", f"{ROOT}/{workflow_id}/status").json["status"] == "cancelled"


def test_a_cancelled_plan_that_can_run_is_submitted_when_it_is_taken_up(api: Api) -> None:
    workflow_id = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]
    api("POST", f"{ROOT}/{workflow_id}/cancel")

    answer = api("POST", f"{ROOT}/{workflow_id}/retry")

    assert answer.status_code == 200
    shown = api("GET", f"{ROOT}/{workflow_id}").json
    assert shown["submitted_at"] is not None
    assert api.engine().ends(workflow_id) == "succeeded"


def test_a_parked_workflow_goes_on_with_a_fresh_token(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.simulator.expire(ALICE)
    engine = api.engine()
    engine.until(
        lambda: (
            api("GET", f"{ROOT}/{workflow_id}/explain").json["steps"][0]["code"] == "token_expired"
        )
    )
    api.tokens.clear()

    answer = api("PUT", f"{ROOT}/{workflow_id}/token")

    assert (answer.status_code, answer.data) == (204, b"")
    assert engine.ends(workflow_id) == "succeeded"


def test_a_token_that_may_end_before_the_workflow_does_is_warned_about(
    make_api: Callable[..., Api],
) -> None:
    api = make_api(auth={"renew_tokens": "never"})
    chain, hour = document("", "a", "b"), 3_600
    long = api.token()
    api.tokens[ALICE] = api.simulator.token(ALICE, 2 * hour)

    checked = api("POST", f"{ROOT}/validate", json=chain).json
    accepted = api("POST", f"{ROOT}/submit", json=chain).json
    short = api("POST", f"{ROOT}/submit", json=document("")).json
    api("PUT", f"{ROOT}/{accepted['workflow_id']}/token", headers={"Authorization": long})
    renewed = api("POST", f"{ROOT}/submit", json=chain).json

    for answer in (checked, accepted):
        assert [each["code"] for each in answer["warnings"]] == ["token_ends_soon"]
    assert "warnings" not in short
    assert "warnings" not in renewed  # a token that lives longer is kept


def test_where_the_token_is_renewed_the_warning_is_about_the_jobs_own(api: Api) -> None:
    chain, hour = document("", "a", "b"), 3_600

    api.tokens[ALICE] = api.simulator.token(ALICE, 1.5 * hour)
    short = api("POST", f"{ROOT}/validate", json=chain).json["warnings"]
    api.tokens[ALICE] = api.simulator.token(ALICE, 2.5 * hour)
    enough = api("POST", f"{ROOT}/validate", json=chain).json["warnings"]

    assert [each["code"] for each in short] == ["token_ends_soon"]
    assert "a job keeps the token" in short[0]["message"]
    assert not enough


def test_a_token_of_somebody_else_is_not_taken(api: Api) -> None:
    workflow_id = api.submit(document(""))
    path = f"{ROOT}/{workflow_id}/token"

    assert api("PUT", path, BOB).status_code == 403
    assert api("PUT", path, ADMIN).status_code == 403
    assert api("PUT", path, ALICE, json={"token": api.token(BOB)}).status_code == 403
    assert api("PUT", path, BOB, json={"token": api.token(ALICE)}).status_code == 403
    assert api("PUT", path, ADMIN, json={"token": api.token(ALICE)}).status_code == 204


@pytest.mark.parametrize("token", ["", "garbage", 7, None, []])
def test_a_bad_token_in_the_body_is_refused(api: Api, token: object) -> None:
    workflow_id = api.submit(document(""))

    assert api("PUT", f"{ROOT}/{workflow_id}/token", json={"token": token}).status_code == 401


def test_no_token_is_stored_in_the_clear(api: Api, mongo: object) -> None:
    api.submit(document(""))
    stored = str(
        [
            list(mongo["test_api"][name].find())  # type: ignore[index]
            for name in mongo["test_api"].list_collection_names()  # type: ignore[index]
        ]
    )

    assert api.token() not in stored
    assert parse(api.token()).signature.hex() not in stored


def test_a_fresh_token_under_another_name_is_not_passed_over(api: Api) -> None:
    workflow_id = api.submit(document(""))

    answer = api("PUT", f"{ROOT}/{workflow_id}/token", json={"auth_token": api.token()})

    assert answer.status_code == 400
    assert answer.json["errors"][0]["path"] == "auth_token"
    assert "'token'" in answer.json["errors"][0]["suggestion"]
