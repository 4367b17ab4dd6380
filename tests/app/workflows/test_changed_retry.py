"""A retry takes other parameters, and starts again from steps that had succeeded."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import pytest

from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import document
from workflows.model.states import StepState
from workflows.model.values import Event
from workflows.store import documents
from workflows.store.mongo import PyMongoError, clock, collection
from workflows.store.workflows import specs, stored, user_commands
from workflows.store.workflows.inserts import encode_spec

_TEXTAREA = re.compile(r'<textarea[^>]*name="params\.(\d+)"[^>]*>([^<]*)</textarea>')
QUICK = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}


@pytest.fixture
def failed(api: Api) -> str:
    """``b`` of a → b → c failed; ``d`` stands alone and succeeded."""
    api.simulator.app(output_file="o1", **QUICK, outcome="failed")
    workflow_id = api.submit(document("", "a", "b", ""))
    engine = api.engine()
    engine.ends(workflow_id)
    assert engine.states(workflow_id) == ["succeeded", "failed", "upstream_failed", "succeeded"]
    return workflow_id


def retry(api: Api, workflow_id: str, user: str = ALICE, **body: Any) -> Any:
    return api("POST", f"{ROOT}/{workflow_id}/retry", user, json=body)


def whole(api: Api, workflow_id: str) -> Any:
    return api("GET", f"{ROOT}/{workflow_id}").json


def jobs(api: Api) -> list[str]:
    return [job["parameters"]["output_file"] for job in api.simulator.jobs()]


def test_a_step_runs_again_with_other_parameters(api: Api, failed: str) -> None:
    answer = retry(api, failed, params={"b": {"output_file": "better"}})
    engine = api.engine()
    engine.ends(failed)

    assert answer.status_code == 200, answer.text
    found = whole(api, failed)
    assert found["status"] == "succeeded"
    assert found["steps"][1]["params"]["output_file"] == "better"
    assert [each["attempt"] for each in found["steps"][1]["attempts"]] == [1, 2]
    assert [len(step["attempts"]) for step in found["steps"]] == [1, 2, 1, 1]
    sent = [each["params"]["output_file"] for each in found["execution_metadata"]["attempts"]]
    assert [each for each in sent if each.startswith("better")] == sent[2:3]
    events = api("GET", f"{ROOT}/{failed}/events").json["events"]
    (resumed,) = [each for each in events if each["after"] == "pending"]
    assert "with other parameters of 'b'" in resumed["reason"]


def test_steps_that_succeeded_start_again_with_all_that_depends_on_them(
    api: Api, failed: str
) -> None:
    api.simulator.clear_rules()
    api.simulator.app(**QUICK)

    answer = retry(api, failed, **{"from": ["a"]})

    assert answer.status_code == 200, answer.text
    engine = api.engine()
    assert engine.states(failed) == ["pending", "pending", "pending", "succeeded"]
    engine.ends(failed)
    found = whole(api, failed)
    assert [len(step["attempts"]) for step in found["steps"]] == [2, 2, 1, 1]
    assert len({job["user_metadata"] for job in api.simulator.jobs()}) == len(api.simulator.jobs())
    assert collection(documents.Workflow).find_one({"_id": failed})["spec"] == f"{failed}/1"


def test_a_change_is_a_new_version_and_the_former_one_stays(api: Api, failed: str) -> None:
    before = specs.document(f"{failed}/1")

    retry(api, failed, params={"c": {"output_file": "x"}})

    row = collection(documents.Workflow).find_one({"_id": failed})
    assert row["spec"] == f"{failed}/2"
    assert specs.document(f"{failed}/1") == before
    assert specs.document(f"{failed}/2")["steps"][:2] == before["steps"][:2]
    stored = collection(documents.Spec).aggregate(
        [
            {"$match": {"_id": {"$regex": failed}}},
            {"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}},
        ]
    )
    assert row["bytes"] == next(iter(stored))["bytes"]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"param": {}}, "param", "unknown_field"),
        ({"params": []}, "params", "wrong_type"),
        ({"params": {"b": 1}}, "params.b", "wrong_type"),
        ({"from": "a"}, "from", "wrong_type"),
        ({"from": ["z"]}, "from", "unknown_step"),
        ({"params": {"bb": {"x": 1}}}, "params.bb", "unknown_step"),
        ({"params": {"a": {"output_file": "x"}}}, "params.a", "step_is_kept"),
        ({"params": {"b": {"output_file": "a/b"}}}, "params.b.output_file", "bad_output_file"),
        ({"params": {"b": {"output_path": None}}}, "params.b", "missing_parameter"),
        (
            {"params": {"b": {"output_file": "${steps.c.params.output_file}"}}},
            "steps",
            "dependency_cycle",
        ),
    ],
)
def test_a_change_that_cannot_run_changes_nothing(
    api: Api, failed: str, body: Any, path: str, code: str
) -> None:
    before = collection(documents.Workflow).find_one({"_id": failed})

    answer = retry(api, failed, **body)

    assert answer.status_code == 400, answer.text
    found = {each["code"]: each["path"] for each in answer.json["errors"]}
    assert found[code].startswith(path)
    assert collection(documents.Workflow).find_one({"_id": failed}) == before
    assert collection(documents.Spec).count_documents({"_id": f"{failed}/2"}) == 0


def test_of_many_that_change_it_at_once_one_does(api: Api, failed: str) -> None:
    def change(number: int) -> int:
        body = {"params": {"b": {"output_file": f"n{number}"}}}
        application = api.client.application
        with application.test_client() as client:
            headers = {"Authorization": api.token()}
            return client.post(f"{ROOT}/{failed}/retry", json=body, headers=headers).status_code

    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(change, range(4)))

    assert codes == [200, 409, 409, 409]
    assert collection(documents.Spec).count_documents({"_id": {"$regex": failed}}) == 2


def test_others_cannot_change_it(api: Api, failed: str) -> None:
    assert retry(api, failed, BOB, params={"b": {"x": 1}}).status_code == 403
    assert retry(api, failed, ADMIN, **{"from": ["b"]}).status_code == 200


def test_a_restart_that_breaks_off_leaves_nothing_of_it(api: Api, failed: str) -> None:
    found = stored.get(failed)
    event = Event(1, clock(), "workflow", "failed", "pending")  # this number is taken
    version = encode_spec(specs.document(found.spec_id), f"{failed}/2")
    states = [StepState.PENDING] * 4

    with pytest.raises(PyMongoError):
        user_commands.restart(failed, found.revision, states, event, "", version=version)

    row = collection(documents.Workflow).find_one({"_id": failed})
    assert (row["state"], row["spec"]) == ("failed", f"{failed}/1")
    assert collection(documents.Spec).count_documents({"_id": f"{failed}/2"}) == 0
    assert retry(api, failed, params={"b": {"output_file": "x"}}).status_code == 200
    assert api.engine().ends(failed) == "succeeded"


def test_the_page_shows_the_parameters_and_sends_what_was_changed(api: Api, failed: str) -> None:
    api.client.post("/ui/sign-in", data={"token": api.token()})
    path = f"/ui/workflows/{failed}/retry"
    page = api.client.get(path).text
    secret = re.findall(r'name="secret" value="([^"]+)"', page)[0]
    texts = {int(step): json.loads(unescape(text)) for step, text in _TEXTAREA.findall(page)}

    wrong = api.client.post(path, data={"secret": secret, "params.1": "{"})
    bad = texts[1] | {"output_file": "a/b"}
    refused = api.client.post(path, data={"secret": secret, "params.1": json.dumps(bad)})
    good = texts[1] | {"output_file": "mended"}
    sent = {"params.1": json.dumps(good), "params.2": json.dumps(texts[2])}
    done = api.client.post(path, data={"secret": secret, **sent})

    assert list(texts) == [1, 2]
    assert texts[1]["output_file"] == "o1"
    assert (wrong.status_code, refused.status_code) == (400, 400)
    assert "params.b.output_file" in refused.text
    assert "a/b" in refused.text
    assert done.status_code == 303
    assert whole(api, failed)["steps"][1]["params"]["output_file"] == "mended"
    assert whole(api, failed)["steps"][2]["params"]["output_file"] == "o2"
