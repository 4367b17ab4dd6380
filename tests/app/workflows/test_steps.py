"""Why steps wait, and what their jobs wrote."""

from __future__ import annotations

import pytest

from tests.app.conftest import ADMIN, ALICE, ROOT, Api
from tests.engine.conftest import document


def test_each_unfinished_step_has_a_reason(api: Api) -> None:
    api.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    workflow_id = api.submit(document("", "", "", "a"))
    engine = api.engine()
    engine.until(lambda: engine.states(workflow_id)[:2] == ["running"] * 2)

    answer = api("GET", f"{ROOT}/{workflow_id}/explain").json

    assert answer["status"] == "running"
    codes = {step["step_name"]: step["code"] for step in answer["steps"]}
    assert codes == {
        "a": "running",
        "b": "running",
        "c": "parallelism_cap",
        "d": "waiting_for_steps",
    }
    assert answer["steps"][3]["waiting_for"] == ["a"]
    assert all(step["since"].endswith("Z") for step in answer["steps"])


def test_a_finished_workflow_has_nothing_to_explain(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)

    answer = api("GET", f"{ROOT}/{workflow_id}/explain").json

    assert (answer["steps"], answer["message"]) == ([], "It is succeeded.")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize("user", [ALICE, ADMIN])
def test_what_a_job_wrote_comes_from_bvbrc_with_the_owners_token(
    api: Api, name: str, user: str
) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)

    answer = api("GET", f"{ROOT}/{workflow_id}/steps/a/{name}", user)

    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert [call["user"] for call in api.simulator.calls("task_info")] == [ALICE]


def test_a_long_output_is_cut(make_api: object) -> None:
    api = make_api(api={"text_limit_bytes": 4})  # type: ignore[operator]
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)

    text = api("GET", f"{ROOT}/{workflow_id}/steps/a/stdout").text

    assert len(text.splitlines()[0]) <= 4
    assert "cut after 4 bytes" in text


@pytest.mark.parametrize(
    ("step", "said"), [("x", "no step 'x'"), ("a", "has no job"), ("a/b", "no step 'a/b'")]
)
def test_a_step_without_output_is_not_found(api: Api, step: str, said: str) -> None:
    workflow_id = api.submit(document(""))

    answer = api("GET", f"{ROOT}/{workflow_id}/steps/{step}/stdout")

    assert answer.status_code == 404
    assert said in answer.json["detail"]


@pytest.fixture
def twice_failed(api: Api) -> str:
    """A workflow whose step failed in two attempts, each with an output of its own."""
    quick = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0, "outcome": "failed"}
    api.simulator.app(output_file="o0", stderr="the first\n", **quick)
    api.simulator.app(output_file="o0_attempt2", stderr="the second\n", **quick)
    found = document("")
    found["steps"][0]["retry"] = {"max_attempts": 2, "backoff_seconds": 0}
    workflow_id = api.submit(found)
    assert api.engine().ends(workflow_id) == "failed"
    return workflow_id


def test_each_attempt_has_its_own_output(api: Api, twice_failed: str) -> None:
    path = f"{ROOT}/{twice_failed}/steps/a/stderr"

    assert api("GET", path).text == "the second\n"
    assert api("GET", f"{path}?attempt=1").text == "the first\n"
    assert api("GET", f"{path}?attempt=2").text == "the second\n"
    assert api("GET", f"{path}?attempt=3").status_code == 404
    assert api("GET", f"{path}?attempt=0").status_code == 400


@pytest.mark.parametrize("status", [404, 401, 502])
def test_what_bvbrc_no_longer_gives_was_kept(api: Api, twice_failed: str, status: int) -> None:
    api.simulator.fault("status", "task_info", status=status)

    answer = api("GET", f"{ROOT}/{twice_failed}/steps/a/stderr?attempt=1")

    assert answer.status_code == 200
    first, rest = answer.text.split("\n", 1)
    assert "This is the end, as the engine kept it" in first
    assert rest == "the first\n"


def test_bvbrc_being_away_is_said_with_a_time_to_come_again(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)
    api.simulator.fault("status", "task_info", status=502)

    answer = api("GET", f"{ROOT}/{workflow_id}/steps/a/stdout")

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_token_that_bvbrc_refuses_is_a_conflict_with_the_way_out(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)
    api.simulator.fault("status", "task_info", status=401)

    answer = api("GET", f"{ROOT}/{workflow_id}/steps/a/stdout")

    assert answer.status_code == 409
    assert "PUT" in answer.json["detail"]
