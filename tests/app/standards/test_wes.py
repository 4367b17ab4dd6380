"""GA4GH WES: every route, as the standard's clients use it. (Real clients: test_wes_clients.py.)"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.wes.states import RunState, run_state, stored_states
from tests.app.conftest import ALICE, BOB, ROOT, Api
from tests.engine.conftest import document
from workflows.model.states import WorkflowState

WES = "/ga4gh/wes/v1"
MAIN = """\
cwlVersion: v1.2
class: Workflow
inputs: {word: string}
outputs: {now: {type: File, outputSource: one/now}}
steps: {one: {run: tools/date.cwl, in: {output_file: word}, out: [now]}}
"""
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
$namespaces: {gowe: "https://github.com/wilke/GoWe#"}
hints: {"gowe:Execution": {executor: bvbrc, bvbrc_app_id: Date}}
baseCommand: [Date]
inputs: {output_file: string}
outputs: {now: {type: File, outputBinding: {glob: "$(inputs.output_file)"}}}
"""
FILES = {"wf/main.cwl": MAIN, "wf/tools/date.cwl": TOOL}
FORM = {
    "workflow_type": "cwl",
    "workflow_type_version": "v1.2",
    "workflow_url": "wf/main.cwl",
    "workflow_params": '{"word": "hello"}',
}
WAITS = {"queue_seconds": 0, "run_seconds": 1000, "lag_seconds": 0}


def run(
    api: Api, files: Mapping[str, str | bytes] = FILES, user: str = ALICE, **parts: Any
) -> TestResponse:
    """Posts a run; a part that is None is left out."""
    attached = [
        (io.BytesIO(text if isinstance(text, bytes) else text.encode()), name)
        for name, text in files.items()
    ]
    headers = parts.pop("headers", {})
    fields = {name: value for name, value in (FORM | parts).items() if value is not None}
    form = {**fields, "workflow_attachment": attached}
    kind = "multipart/form-data"
    return api("POST", f"{WES}/runs", user, data=form, content_type=kind, headers=headers)


def native(api: Api, **parts: Any) -> TestResponse:
    files = {"w.json": json.dumps(document("", "a"))}
    kind = {"workflow_type": "BVBRC", "workflow_type_version": "1.0", "workflow_url": "w.json"}
    return run(api, files, **{**kind, "workflow_params": None, **parts})


def get(api: Api, path: str, user: str = ALICE) -> Any:
    answer = api("GET", f"{WES}{path}", user)
    assert answer.status_code == 200, answer.text
    return answer.json


def problems(answer: TestResponse) -> dict[str, str]:
    assert answer.status_code == 400, answer.text
    assert (answer.json["status_code"], answer.json["msg"]) == (400, answer.json["detail"])
    return {error["path"]: error["code"] for error in answer.json["errors"]}


def test_a_cwl_workflow_runs_to_its_end_and_tells_all_of_it(api: Api) -> None:
    tags = {"project": "outbreak-7"}
    asked = {"workspace_output_folder": "/alice@patricbrc.org/home/out", "--logDebug": None}
    sent = run(api, tags=json.dumps(tags), workflow_engine_parameters=json.dumps(asked))
    run_id = sent.json["run_id"]

    early = get(api, f"/runs/{run_id}")
    assert (early["state"], early["outputs"], early["task_logs"]) == ("QUEUED", {}, [])
    assert early["run_log"]["system_logs"]
    assert "exit_code" not in early["run_log"]
    assert api.engine().ends(run_id) == "succeeded"

    log = get(api, f"/runs/{run_id}")
    assert log["state"] == "COMPLETE"
    assert log["request"] == {
        "workflow_type": "CWL",
        "workflow_type_version": "v1.2",
        "workflow_url": "wf/main.cwl",
        "workflow_params": {"word": "hello"},
        "workflow_engine_parameters": {"workspace_output_folder": "/alice@patricbrc.org/home/out"},
        "tags": tags,
    }
    (task,) = log["task_logs"]
    assert (task["id"], task["name"]) == ("0.1", "one")
    assert task["system_logs"][0].startswith("BV-BRC task ")
    assert log["run_log"]["exit_code"] == 0
    assert log["run_log"]["start_time"] <= task["start_time"]
    assert log["outputs"]["now"]["class"] == "File"
    assert log["outputs"]["now"]["location"].startswith("ws:///alice@patricbrc.org/home/out/")
    for address in (log["run_log"]["stderr"], task["stdout"], log["task_logs_url"]):
        assert address.startswith("http://localhost/"), "absolute"
        assert api("GET", address.removeprefix("http://localhost")).status_code == 200
    assert get(api, f"/runs/{run_id}/tasks/0.1") == task


def test_both_doors_lead_to_the_same_workflows(api: Api) -> None:
    ours = api.submit(document("", "a") | {"labels": {"lab": "x"}})
    theirs = native(api).json["run_id"]
    planned = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]

    runs = {each["run_id"]: each for each in get(api, "/runs")["runs"]}
    listed = [each["workflow_id"] for each in api("GET", ROOT).json["workflows"]]

    assert set(runs) == {ours, theirs}
    assert (runs[ours]["tags"], runs[theirs]["tags"]) == ({"lab": "x"}, {})
    assert set(listed) == {ours, theirs, planned}
    assert get(api, f"/runs/{ours}")["request"] == {
        "workflow_type": "BVBRC",
        "workflow_type_version": "1.0",
        "workflow_url": "workflow.json",
        "workflow_params": {},
        "tags": {"lab": "x"},
    }
    assert api("GET", f"{WES}/runs/{planned}").status_code == 404


def test_a_cwl_workflow_of_our_door_is_a_run_with_its_input_object(api: Api) -> None:
    body = {"workflow": "main.cwl", "inputs": "word: x", "files": {"main.cwl": MAIN}}
    body["files"]["tools/date.cwl"] = TOOL
    answer = api("POST", f"{ROOT}/submit-cwl", json=body)

    request = get(api, f"/runs/{answer.json['workflow_id']}")["request"]

    assert request["workflow_params"] == {"word": "x"}
    assert (request["workflow_type"], request["workflow_type_version"]) == ("CWL", "v1.2")
    assert request["workflow_url"] == "main.cwl"


def test_a_native_workflow_takes_its_parameters_from_the_form(api: Api) -> None:
    asked = {"name": "mine", "max_parallel_steps": "2", "on_failure": "cancel"}
    sent = native(
        api,
        workflow_params='{"taxon": "E. coli"}',
        workflow_engine_parameters=json.dumps(asked),
        tags='{"a": "b"}',
    )

    whole = api("GET", f"{ROOT}/{sent.json['run_id']}").json
    assert whole["workflow_name"] == "mine"
    assert whole["base_context"]["taxon"] == "E. coli"
    assert (whole["max_parallel_steps"], whole["on_failure"]) == (2, "cancel")
    assert whole["labels"] == {"a": "b"}
    request = get(api, f"/runs/{sent.json['run_id']}")["request"]
    assert request["workflow_params"] == {"taxon": "E. coli"}
    assert request["workflow_engine_parameters"] == asked


def test_pages_of_runs_and_of_tasks_are_whole_and_in_order(api: Api) -> None:
    ids = [api.submit(document("", "a", "b") | {"labels": {"n": str(n)}}) for n in range(3)]
    engine = api.engine()
    for each in ids:
        engine.ends(each)

    first = get(api, "/runs?page_size=2")
    rest = get(api, f"/runs?page_size=2&page_token={first['next_page_token']}")
    assert [each["run_id"] for each in first["runs"] + rest["runs"]] == ids[::-1]
    assert rest["next_page_token"] == ""
    tasks, token = [], ""
    while True:
        page = get(api, f"/runs/{ids[0]}/tasks?page_size=2&page_token={token}")
        tasks, token = [*tasks, *page["task_logs"]], page["next_page_token"]
        if not token:
            break
    assert tasks == get(api, f"/runs/{ids[0]}")["task_logs"]
    assert [task["id"] for task in tasks] == ["0.1", "1.1", "2.1"]
    assert [each["run_id"] for each in get(api, "/runs?tags=n:1")["runs"]] == [ids[1]]
    for query in ("page_size=0", "page_size=101", "page_token=x", "state=running", "tags=x"):
        assert api("GET", f"{WES}/runs?{query}").status_code == 400, query
    assert api("GET", f"{WES}/runs/{ids[0]}/tasks?page_token=x").status_code == 400
    for task in ("0.2", "9.1", "x"):
        assert api("GET", f"{WES}/runs/{ids[0]}/tasks/{task}").status_code == 404


def test_a_failed_and_a_retried_run(api: Api) -> None:
    engine = api.engine()
    api.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0, outcome="failed", count=1)
    run_id = api.submit(document("", "a"))
    assert engine.ends(run_id) == "failed"

    failed = get(api, f"/runs/{run_id}")
    assert (failed["state"], failed["run_log"]["exit_code"]) == ("EXECUTOR_ERROR", 1)
    assert "failed:" in failed["run_log"]["system_logs"][0]
    assert [each["state"] for each in get(api, "/runs")["runs"]] == ["EXECUTOR_ERROR"]
    assert get(api, "/runs?state=EXECUTOR_ERROR")["runs"]
    assert get(api, "/runs?state=SYSTEM_ERROR&state=INITIALIZING")["runs"] == []
    api("POST", f"{ROOT}/{run_id}/retry")
    assert engine.ends(run_id) == "succeeded"

    again = get(api, f"/runs/{run_id}")
    assert again["state"] == "COMPLETE"
    assert [task["id"] for task in again["task_logs"]] == ["0.1", "0.2", "1.1"]
    texts = {api("GET", task["stderr"].removeprefix("http://localhost")).text
             for task in again["task_logs"][:2]}  # fmt: skip
    assert len(texts) == 2, "each attempt has its own"


def test_cancel_is_200_however_often(api: Api) -> None:
    engine = api.engine()
    done = api.submit(document(""))
    engine.ends(done)
    api.simulator.app(**WAITS)
    running = api.submit(document("", "a"))
    engine.until(lambda: engine.status(running) == "running")
    assert get(api, f"/runs/{running}/status") == {"run_id": running, "state": "RUNNING"}

    for _ in range(2):
        answer = api("POST", f"{WES}/runs/{running}/cancel")
        assert (answer.status_code, answer.json) == (200, {"run_id": running})
    assert get(api, f"/runs/{running}")["state"] in ("CANCELING", "CANCELED")
    engine.until(lambda: get(api, f"/runs/{running}")["state"] == "CANCELED")
    assert api("POST", f"{WES}/runs/{done}/cancel").status_code == 200
    assert get(api, f"/runs/{done}/status")["state"] == "COMPLETE"


def test_the_status_has_an_etag(api: Api) -> None:
    run_id = api.submit(document(""))

    first = api("GET", f"{WES}/runs/{run_id}/status")
    again = api(
        "GET", f"{WES}/runs/{run_id}/status", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")


@pytest.mark.parametrize("reads", ["link", "owner"])
def test_an_id_alone_opens_no_run(make_api: Callable[..., Api], reads: str) -> None:
    api = make_api(auth={"reads": reads})
    run_id = api.submit(document(""))

    for path in ("", "/status", "/tasks", "/tasks/0.1"):
        nobody = api("GET", f"{WES}/runs/{run_id}{path}", None)
        other = api("GET", f"{WES}/runs/{run_id}{path}", BOB)
        assert (nobody.status_code, other.status_code) == (401, 403), path
        assert nobody.json.keys() == {"msg", "status_code", "detail", "errors"}
    assert api("POST", f"{WES}/runs/{run_id}/cancel", BOB).status_code == 403
    assert api("GET", f"{WES}/nothing").json["status_code"] == 404


def test_a_repeated_key_answers_the_first_run(api: Api) -> None:
    keyed = {"headers": {"Idempotency-Key": "once"}}

    first, again = run(api, **keyed), run(api, **keyed)
    other = run(api, workflow_params='{"word": "other"}', **keyed)

    assert first.json == again.json
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("parts", "path", "code"),
    [
        ({"workflow_type": None}, "workflow_type", "missing_field"),
        ({"workflow_type": "WDL"}, "workflow_type", "invalid_choice"),
        ({"workflow_type_version": "v1.3"}, "workflow_type_version", "invalid_choice"),
        ({"workflow_url": "https://example.org/x.cwl"}, "workflow_url", "bad_argument"),
        ({"workflow_url": "file:///etc/passwd"}, "workflow_url", "bad_argument"),
        ({"workflow_url": "//example.org/x.cwl"}, "workflow_url", "bad_argument"),
        ({"workflow_url": "../wf/main.cwl"}, "workflow_url", "bad_argument"),
        ({"workflow_url": "main.cwl"}, "workflow_url", "bad_argument"),
        ({"workflow_params": "[]"}, "workflow_params", "not_an_object"),
        ({"workflow_params": "word: x"}, "workflow_params", "bad_json"),
        ({"tags": '{"a": 1}'}, "tags.a", "wrong_type"),
        ({"tags": '{"a:b": "c"}'}, "tags['a:b']", "bad_name"),
        ({"workflow_engine": "toil"}, "workflow_engine", "invalid_choice"),
        ({"workflow_engine_version": "9"}, "workflow_engine", "missing_field"),
        (
            {"workflow_engine_parameters": '{"on_failur": "cancel"}'},
            "workflow_engine_parameters.on_failur",
            "unknown_field",
        ),
        (
            {"workflow_engine_parameters": '{"on_failure": "stop"}'},
            "workflow_engine_parameters.on_failure",
            "invalid_choice",
        ),
        ({"workflow_parms": "{}"}, "workflow_parms", "unknown_field"),
        (
            {"workflow_params": '{"word": {"class": "File", "location": "wf/main.cwl"}}'},
            "workflow_params.word.location",
            "bad_argument",
        ),
    ],
)
def test_a_part_that_is_wrong_is_named(
    api: Api, parts: dict[str, Any], path: str, code: str
) -> None:
    answer = run(api, **parts)

    assert problems(answer).get(path) == code, answer.text
    assert get(api, "/runs")["runs"] == [], "nothing is stored"


@pytest.mark.parametrize("name", ["../x.cwl", "/x.cwl", "a/../../x.cwl", "x\n.cwl"])
def test_an_attachment_stays_in_its_folder(api: Api, name: str) -> None:
    answer = run(api, {**FILES, name: TOOL})

    assert "bad_argument" in problems(answer).values()


def test_an_attachment_is_text(api: Api) -> None:
    answer = run(api, {**FILES, "reads.fq.gz": b"\x1f\x8b\xff"})

    assert problems(answer) == {"workflow_attachment['reads.fq.gz']": "bad_encoding"}
    assert "Workspace" in answer.json["detail"]


def test_parts_may_be_files_with_types_of_their_own(api: Api) -> None:
    """As dnastack sends them."""
    params = (io.BytesIO(b'{"word": "x"}'), "workflow_params.json", "application/json")

    answer = run(api, workflow_params=params)

    assert answer.status_code == 200, answer.text


def test_a_part_without_a_name_is_refused(api: Api) -> None:
    form = "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"

    answer = api("POST", f"{WES}/runs", data=form, content_type=kind)

    assert answer.status_code == 400
    assert "has no name" in answer.text


def test_what_is_no_form_is_refused(api: Api) -> None:
    assert api("POST", f"{WES}/runs", json=FORM).status_code == 415
    urlencoded = api("POST", f"{WES}/runs", data=FORM)
    assert problems(urlencoded) == {"workflow_url": "bad_argument"}
    answer = run(api, {"w.json": "{"}, workflow_type="bvbrc", workflow_type_version="1.0",
                 workflow_url="w.json")  # fmt: skip
    assert problems(answer) == {"workflow_attachment['w.json']": "bad_json"}
    broken = run(api, {**FILES, "wf/main.cwl": MAIN.replace("output_file: word", "output_file: w")})
    assert list(problems(broken).values()) == ["cwl.unknown_source"]


def test_the_service_says_what_it_can_do(make_api: Callable[..., Api]) -> None:
    api = make_api(api={"public_url": "https://workflows.example.org"})
    api.submit(document(""))

    found = api("GET", f"{WES}/service-info", None).json

    assert found["type"] == {"group": "org.ga4gh", "artifact": "wes", "version": "1.1.0"}
    assert found["workflow_type_versions"]["CWL"]["workflow_type_version"] == [
        "v1.0",
        "v1.1",
        "v1.2",
    ]
    assert found["system_state_counts"]["QUEUED"] >= 1
    assert found["auth_instructions_url"] == "https://workflows.example.org/docs"


def test_every_state_has_one_word_and_waiting_is_not_paused() -> None:
    def word(state: WorkflowState, **facts: bool) -> RunState:
        usual = {"paused": False, "failed_at_bvbrc": False, "being_killed": False}
        return run_state(state, **(usual | facts))

    assert word(WorkflowState.PENDING) == word(WorkflowState.QUEUED) == "QUEUED"
    assert word(WorkflowState.RUNNING) == "RUNNING"
    assert word(WorkflowState.RUNNING, paused=True) == "PAUSED"
    assert word(WorkflowState.FAILED) == "SYSTEM_ERROR"
    assert word(WorkflowState.FAILED, failed_at_bvbrc=True) == "EXECUTOR_ERROR"
    assert word(WorkflowState.CANCELLED, being_killed=True) == "CANCELING"
    assert word(WorkflowState.CANCELLED) == "CANCELED"
    assert stored_states([RunState.QUEUED]) == [WorkflowState.PENDING, WorkflowState.QUEUED]
    assert stored_states([RunState.INITIALIZING]) == []
    assert WorkflowState.PLANNED not in stored_states([])
