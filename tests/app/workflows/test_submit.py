"""What is handed in, once or several times, by one or by many at once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, get_ident
from typing import Any

import pytest

from app.api.apps import lookup
from app.connections import connections
from app.http.admission import SMALL_BYTES
from app.http.request_bodies import MOST_VALUES
from devstack.processes import wait_until
from tests.app.conftest import BOB, ROOT, Api
from tests.engine.conftest import LONG, document
from workflows.store import clock


def test_the_same_key_and_body_again_answer_the_first_workflow(api: Api) -> None:
    keyed = {"Idempotency-Key": "once"}
    first = api("POST", f"{ROOT}/submit", json=document(""), headers=keyed)

    again = api("POST", f"{ROOT}/submit", json=document(""), headers=keyed)
    other = api("POST", f"{ROOT}/submit", BOB, json=document(""), headers=keyed)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json["workflow_id"] == first.json["workflow_id"]
    assert again.headers["Location"] == first.headers["Location"]
    assert other.status_code == 201
    assert other.json["workflow_id"] != first.json["workflow_id"]


def test_the_same_key_with_another_body_is_a_conflict(api: Api) -> None:
    keyed = {"Idempotency-Key": "once"}
    api("POST", f"{ROOT}/submit", json=document(""), headers=keyed)

    answer = api("POST", f"{ROOT}/submit", json=document("", "a"), headers=keyed)

    assert answer.status_code == 409
    assert "Idempotency-Key" in answer.json["detail"]
    assert len(api("GET", ROOT).json["workflows"]) == 1


@contextmanager
def commands_of_this_thread() -> Iterator[list[str]]:
    """The commands that MongoDB is given, by PyMongo's own log."""
    names: list[str] = []
    mine = get_ident()  # read here: within `emit` it is always the record's own thread

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told = json.loads(record.getMessage())
            if told["message"] == "Command started" and record.thread == mine:
                names.append(told["commandName"])

    logger, collect = logging.getLogger("pymongo.command"), Collect()
    level = logger.level
    logger.addHandler(collect)
    logger.setLevel(logging.DEBUG)
    try:
        yield names
    finally:
        logger.setLevel(level)
        logger.removeHandler(collect)


@pytest.fixture
def settled(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Its next submission compares the clocks and looks for another list of apps, which is there;
    those after it do not for a minute."""
    listed(api)
    with api.client.application.app_context():
        monkeypatch.setattr(connections().apps, "_look_at", 0.0)
    monkeypatch.setattr(lookup, "LOOK_SECONDS", clock.FRESH_SECONDS)
    monkeypatch.setattr(clock, "_compare_at", float("-inf"))
    return api


def listed(api: Api) -> None:
    """No app is unknown until BV-BRC's own list is at hand."""
    wait_until(
        lambda: not api("GET", "/api/v1/apps").json["warnings"],
        "the list is at hand",
        seconds=LONG,
    )


def test_a_submission_costs_three_statements_and_no_question(settled: Api) -> None:
    api = settled
    for _ in range(2):  # the first adds up what is stored, too
        api.submit(document(""))

    with commands_of_this_thread() as commands:
        api.submit(document(""))

    # The first asks whether the user's token is still stored: another process may delete it.
    assert commands == ["find", "insert", "update"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "schlüssel"])
def test_an_unusable_key_is_refused(api: Api, key: str) -> None:
    answer = api("POST", f"{ROOT}/submit", json=document(""), headers={"Idempotency-Key": key})

    assert answer.status_code == 400
    assert answer.json["errors"][0]["path"] == "Idempotency-Key"


def test_one_of_many_at_once_with_a_key_is_stored(api: Api) -> None:
    callers, barrier = 8, Barrier(8)
    api.token()

    def submit(_: int) -> tuple[int, str]:
        barrier.wait()
        answer = api(
            "POST", f"{ROOT}/submit", json=document(""), headers={"Idempotency-Key": "once"}
        )
        return answer.status_code, answer.json["workflow_id"]

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(submit, range(callers)))

    assert sorted(code for code, _ in answers) == [200] * 7 + [201]
    assert len({workflow_id for _, workflow_id in answers}) == 1


@pytest.mark.parametrize("route", ["plan", "register"])
def test_a_plan_is_stored_and_starts_when_it_is_submitted(api: Api, route: str) -> None:
    answer = api("POST", f"{ROOT}/{route}", json=document("", "a"))
    workflow_id = answer.json["workflow_id"]

    assert answer.status_code == 201
    assert answer.json == {
        "workflow_id": workflow_id,
        "status": "planned",
        "workflow_name": "w",
        "step_count": 2,
        "problems": [],
        "message": "Workflow planned successfully",
    }
    assert api("GET", f"{ROOT}/{workflow_id}/status", None).json["status"] == "planned"
    started = api("POST", f"{ROOT}/{workflow_id}/submit")
    assert started.status_code == 200
    assert started.json["status"] == "pending"
    assert api.engine().ends(workflow_id) == "succeeded"


def test_a_started_workflow_that_is_submitted_again_stays_as_it_is(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)

    by_path = api("POST", f"{ROOT}/{workflow_id}/submit", json={})
    by_body = api("POST", f"{ROOT}/submit", json={"workflow_id": workflow_id})

    assert (by_path.status_code, by_body.status_code) == (200, 200)
    assert by_path.json["status"] == by_body.json["status"] == "succeeded"
    assert len(api.simulator.jobs()) == 1


def test_one_of_many_at_once_starts_a_plan(api: Api) -> None:
    callers, barrier = 8, Barrier(8)
    workflow_id = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]

    def start(_: int) -> int:
        barrier.wait()
        return api("POST", f"{ROOT}/submit", json={"workflow_id": workflow_id}).status_code

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(start, range(callers)))

    assert sorted(answers) == [200] * 7 + [201]
    assert api.engine().ends(workflow_id) == "succeeded"
    assert len(api.simulator.jobs()) == 1


@pytest.mark.parametrize("found", [None, 5, True, ["wf_0"], {}, "\ud800"])
def test_what_can_be_no_id_is_refused(api: Api, found: object) -> None:
    answer = api("POST", f"{ROOT}/submit", json={"workflow_id": found})

    assert answer.status_code == 400
    assert [error["path"] for error in answer.json["errors"]] == ["workflow_id"]


def test_a_plan_with_problems_is_kept_but_never_starts(api: Api) -> None:
    answer = api("POST", f"{ROOT}/plan", json={"steps": [{"step_name": "x"}, 7]})
    workflow_id = answer.json["workflow_id"]

    assert answer.status_code == 201
    assert answer.json["problems"]
    assert "cannot run" in answer.json["message"]
    shown = api("GET", f"{ROOT}/{workflow_id}", None).json
    assert shown["execution_metadata"]["problems"] == answer.json["problems"]
    for path, body in ((f"/{workflow_id}/submit", {}), ("/submit", {"workflow_id": workflow_id})):
        refused = api("POST", f"{ROOT}{path}", json=body)
        assert refused.status_code == 409
        assert refused.json["errors"] == answer.json["problems"]
        assert str(answer.json["problems"][0]["message"]) in refused.json["detail"]
    explained = api("GET", f"{ROOT}/{workflow_id}/explain").json
    assert (explained["steps"], explained["status"]) == ([], "planned")


@pytest.mark.parametrize("route", ["status", "", "explain", "log", "events"])
def test_a_plan_that_goes_in_circles_can_be_looked_at(api: Api, route: str) -> None:
    circle = document("b", "a")
    workflow_id = api("POST", f"{ROOT}/plan", json=circle).json["workflow_id"]

    assert api("GET", f"{ROOT}/{workflow_id}/{route}".rstrip("/")).status_code == 200
    assert api("POST", f"{ROOT}/{workflow_id}/cancel").json["status"] == "cancelled"


@pytest.mark.parametrize("body", ["[]", "1", "null", '"x"', "true"])
@pytest.mark.parametrize("route", ["submit", "plan", "register", "validate"])
def test_what_is_no_object_is_refused(api: Api, route: str, body: str) -> None:
    answer = api("POST", f"{ROOT}/{route}", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert api("GET", ROOT).json["workflows"] == []


def test_validating_stores_nothing_and_gives_what_can_be_submitted(api: Api) -> None:
    answer = api("POST", f"{ROOT}/validate", json=document("", "a"))

    assert answer.status_code == 200
    assert answer.json["valid"] is True
    assert api("GET", ROOT).json["workflows"] == []
    checked = answer.json["workflow_json"]
    again = api("POST", f"{ROOT}/validate", json=checked)
    assert again.json["workflow_json"] == checked
    assert again.json["auto_fixes"] == []
    assert api("POST", f"{ROOT}/submit", json=checked).status_code == 201


def test_what_is_read_back_can_be_submitted_again(api: Api) -> None:
    engine = api.engine()
    first = api.submit(document("", "a", labels={"x": "y"}))
    assert engine.ends(first) == "succeeded"
    seen = api("GET", f"{ROOT}/{first}").json

    second = api.submit(seen)

    assert second != first
    assert engine.ends(second) == "succeeded"
    again = api("GET", f"{ROOT}/{second}").json
    for name in ("workflow_name", "version", "base_context", "labels", "workflow_outputs"):
        assert again[name] == seen[name]
    for name in ("step_name", "app", "params", "outputs", "depends_on"):
        assert [step[name] for step in again["steps"]] == [step[name] for step in seen["steps"]]
    assert {step["task_id"] for step in again["steps"]}.isdisjoint(
        step["task_id"] for step in seen["steps"]
    )


WRONG: dict[str, dict[str, Any]] = {
    "unknown app": {"app": "NoSuchApp"},
    "unknown step": {"depends_on": ["nowhere"]},
    "missing parameter": {"params": {"output_path": "/a@b/home"}},
    "unknown reference": {"params": {"output_path": "/a@b/home", "output_file": "${nothing}"}},
    "one place for two": {"params": document("")["steps"][0]["params"]},
    "unknown field": {"retries": 3},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_whoever_checks_finds_the_same(api: Api, changed: dict[str, Any]) -> None:
    wrong = document("", "")
    wrong["steps"][1] |= changed
    listed(api)

    answers = [api("POST", f"{ROOT}/{way}", json=wrong) for way in ("validate", "submit")]
    registered = api("POST", f"{ROOT}/register", json=wrong)
    planned = api("POST", f"{ROOT}/plan", json=wrong)

    assert [answer.status_code for answer in (*answers, registered)] == [400] * 3
    assert answers[0].json["errors"] == answers[1].json["errors"] == registered.json["errors"]
    assert planned.json["problems"] == answers[0].json["errors"]


@pytest.mark.parametrize("body", [None, "", "{}", " \n"])
def test_submitting_by_id_needs_no_body(api: Api, body: str | None) -> None:
    workflow_id = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]

    answer = api("POST", f"{ROOT}/{workflow_id}/submit", data=body)

    assert answer.status_code == 200


def test_names_that_are_taken_in_the_workspace_are_changed(make_api: Callable[..., Api]) -> None:
    api = make_api(validation={"check_output_conflicts": True})
    assert api.engine().ends(api.submit(document("", "a"))) == "succeeded"

    checked = api("POST", f"{ROOT}/validate", json=document("", "a")).json
    again = api.submit(document("", "a"))

    files = [step["params"]["output_file"] for step in checked["workflow_json"]["steps"]]
    assert files == ["o0_2", "o1_2"]
    assert [fix["code"] for fix in checked["auto_fixes"]] == ["renamed_output"] * 2
    stored = api("GET", f"{ROOT}/{again}", None).json
    assert [step["params"]["output_file"] for step in stored["steps"]] == files


def test_a_workspace_that_is_away_is_only_a_warning(make_api: Callable[..., Api]) -> None:
    api = make_api(validation={"check_output_conflicts": True})
    api.simulator.fault("status", "ls", status=502)

    checked = api("POST", f"{ROOT}/validate", json=document(""))

    assert checked.status_code == 200
    assert "conflicts_not_checked" in [each["code"] for each in checked.json["warnings"]]


def test_a_service_name_for_an_app_is_put_right_and_reported(api: Api) -> None:
    meant = document("")
    meant["steps"][0]["app"] = "date"

    checked = api("POST", f"{ROOT}/validate", json=meant).json

    assert checked["workflow_json"]["steps"][0]["app"] == "Date"
    assert [fix["path"] for fix in checked["auto_fixes"]] == ["steps[0].app"]


def test_every_problem_is_told_at_once_with_its_place(api: Api) -> None:
    wrong = document("", "")
    wrong["steps"][0]["app"] = "Genom"
    wrong["steps"][1]["depends_on"] = ["c"]
    del wrong["version"]

    answer = api("POST", f"{ROOT}/submit", json=wrong)

    assert answer.status_code == 400
    paths = {error["path"] for error in answer.json["errors"]}
    assert {"version", "steps[0].app", "steps[1].depends_on[0]"} <= paths
    assert all(path in answer.json["detail"] for path in paths)
    assert api("GET", ROOT).json["workflows"] == []


def test_ids_cannot_be_guessed(api: Api) -> None:
    ids = {api.submit(document("")) for _ in range(5)}

    assert len(ids) == 5
    assert all(len(bytes.fromhex(each.removeprefix("wf_"))) * 8 >= 96 for each in ids)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b'{"a": 1,\n  "b": }', "bad_json", "line 2, column 8"),
        (b"", "bad_json", "line 1, column 1"),
        (b'{"a": 1, "a": 2}', "duplicate_key", "'a'"),
        (b'{"a": {"b": [{"c": 1, "c": 1}]}}', "duplicate_key", "'c'"),
        (b'{"a": NaN}', "bad_number", "NaN"),
        (b'{"a": -Infinity}', "bad_number", "-Infinity"),
        (b'{"a": ' + b"9" * 5000 + b"}", "bad_number", "digits"),
        (b"[" * 100_000, "too_deep", "deep"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "too_deep", "deep"),
        (b'{"a": "\xff"}', "bad_encoding", "position 7"),
        (b'{"a": 1} x', "bad_json", "line 1, column 10"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(
    api: Api, body: bytes, code: str, said: str
) -> None:
    answer = api("POST", f"{ROOT}/submit", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert [error["code"] for error in answer.json["errors"]] == [code]
    assert said in answer.json["detail"]


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("application/vnd.api+json", 201),
        (None, 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
def test_a_body_is_json_by_its_media_type(api: Api, content_type: str | None, code: int) -> None:
    answer = api("POST", f"{ROOT}/submit", data=json.dumps(document("")), content_type=content_type)

    assert answer.status_code == code


def test_a_body_that_is_too_large_is_refused_unread(api: Api) -> None:
    size = api.settings.api.max_body_bytes

    answer = api("POST", f"{ROOT}/submit", data=b" " * (size + 1), content_type="application/json")

    assert answer.status_code == 413
    assert [problem["code"] for problem in answer.json["errors"]] == ["body_too_large"]


@pytest.mark.parametrize("route", ["submit", "plan", "validate"])
def test_a_body_with_too_many_values_is_refused_with_the_way_out(api: Api, route: str) -> None:
    found = document("")
    found["base_context"] |= {"numbers": [1] * MOST_VALUES, "text": ",[{" * MOST_VALUES}

    answer = api("POST", f"{ROOT}/{route}", json=found)

    assert answer.status_code == 413
    assert [each["code"] for each in answer.json["errors"]] == ["too_many_values"]
    assert "Workspace" in answer.json["errors"][0]["suggestion"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{ROOT}/wf_0/cancel"),
        ("PUT", f"{ROOT}/wf_0/token"),
        ("GET", f"{ROOT}/wf_0"),
        ("POST", "/ui/sign-in"),
        ("POST", "/ui/workflows/wf_0/cancel"),
        ("POST", "/nowhere"),
    ],
)
def test_each_route_takes_bodies_up_to_a_size_of_its_own(api: Api, method: str, path: str) -> None:
    form = b"a=b&" * (SMALL_BYTES // 4 + 1)
    kind = "application/x-www-form-urlencoded"

    assert api(method, path, data=form, content_type=kind).status_code == 413


def test_a_compressed_body_is_refused(api: Api) -> None:
    answer = api("POST", f"{ROOT}/submit", json=document(""), headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415


@pytest.mark.parametrize("route", ["submit", "plan", "validate"])
def test_what_mongodb_could_not_keep_is_refused_with_the_way_out(api: Api, route: str) -> None:
    """Less than the largest body, but a number in a list takes five times as much to keep."""
    found = document("")
    found["base_context"] |= {"numbers": [1] * 450_000, "text": "x" * 12_500_000}

    answer = api("POST", f"{ROOT}/{route}", json=found)

    assert answer.status_code == 400
    assert [each["code"] for each in answer.json["errors"]] == ["document_too_large"]
    assert "Workspace" in answer.json["errors"][0]["suggestion"]
    assert api("GET", ROOT).json["workflows"] == []
