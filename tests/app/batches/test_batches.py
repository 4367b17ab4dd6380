"""Batches over the API: submit, watch, results, cancel, retry, pause; a real engine behind it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.app.conftest import ADMIN, BOB, Api
from tests.engine.conftest import Engine
from workflows.engine.batches.advance import advance_batch
from workflows.store import documents
from workflows.store.mongo import collection

ROOT = "/api/v1/batches"
FOLDER = "/alice@patricbrc.org/home/run"


def template(**fields: Any) -> dict[str, Any]:
    """Two steps, of which the second waits for the first."""
    place = {"output_path": "${workspace_output_folder}", "output_file": "${sample.sample}_first"}
    return {
        "workflow_name": "dates",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": FOLDER,
        },
        "steps": [
            {
                "step_name": "first",
                "app": "Date",
                "params": place,
                "outputs": {"result": "${params.output_path}/${params.output_file}"},
            },
            {
                "step_name": "second",
                "app": "Date",
                "depends_on": ["first"],
                "params": {**place, "output_file": "second"},
            },
        ],
        "workflow_outputs": ["${steps.first.outputs.result}"],
    } | fields


def samples(count: int) -> list[dict[str, Any]]:
    return [{"sample": f"S{number}"} for number in range(count)]


def submit(api: Api, rows: Sequence[Mapping[str, Any]], **fields: Any) -> str:
    body = {"workflow": template(), "samples": rows, **fields}
    answer = api("POST", ROOT, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["batch_id"])


def upload(api: Api, table: bytes, **fields: Any) -> TestResponse:
    parts = {
        "workflow": json.dumps(fields.pop("workflow", template())),
        "samples": (io.BytesIO(table), "samples.csv"),
        **fields,
    }
    return api("POST", ROOT, data=parts, content_type="multipart/form-data")


def get(api: Api, batch: str) -> dict[str, Any]:
    answer = api("GET", f"{ROOT}/{batch}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def ends(api: Api, engine: Engine, batch: str) -> str:
    """The final status; the hand that turns the crank is the engine's."""

    def over() -> bool:
        advance_batch(engine.context, batch)
        return bool(get(api, batch)["status"] != "running")

    engine.until(over)
    return str(get(api, batch)["status"])


def rows(api: Api, batch: str, query: str = "") -> list[dict[str, Any]]:
    answer = api("GET", f"{ROOT}/{batch}/workflows{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json["workflows"])


def table(api: Api, batch: str) -> list[dict[str, str]]:
    answer = api("GET", f"{ROOT}/{batch}/results")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_each_row_becomes_a_workflow_and_the_results_are_one_table(api: Api) -> None:
    answer = upload(api, b"sample,note\nS1,=1+1\nS2,\n", name="night")
    batch = answer.json["batch_id"]

    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{ROOT}/{batch}"
    assert "unused_column" in {each["code"] for each in answer.json["warnings"]}
    assert ends(api, api.engine(), batch) == "succeeded"
    shown = get(api, batch)
    assert (shown["name"], shown["counts"], shown["count"]) == ("night", {"succeeded": 2}, 2)
    assert shown["finished_at"]
    assert [(row["row"], row["sample"], row["status"]) for row in rows(api, batch)] == [
        (2, "S1", "succeeded"),
        (3, "S2", "succeeded"),
    ]
    first, second = table(api, batch)
    assert first["note"] == "'=1+1"
    assert first["first.result"] == f"{FOLDER}/S1/S1_first"
    assert (second["note"], second["status"]) == ("", "succeeded")


def test_a_row_is_a_workflow_like_any_other(api: Api) -> None:
    batch = submit(api, samples(2), labels={"project": "x"})
    advance_batch(api.engine().context, batch)

    listed = api("GET", f"/api/v1/workflows?batch={batch}").json["workflows"]
    whole = api("GET", f"/api/v1/workflows/{listed[0]['workflow_id']}").json

    assert {each["sample"] for each in listed} == {"S0", "S1"}
    assert {each["batch_id"] for each in listed} == {batch}
    assert whole["workflow_name"] == f"dates-{whole['sample']}"
    assert whole["labels"] == {"project": "x", "batch": batch, "sample": whole["sample"]}
    assert api("POST", "/api/v1/workflows/validate", json=whole).status_code == 200


def test_any_bad_row_refuses_all_and_nothing_is_stored(api: Api) -> None:
    rows = [{"sample": "A"}, {"sample": "a"}, {"sample": "B"}]

    refused = api("POST", ROOT, json={"workflow": template(), "samples": rows})
    taken = api("POST", ROOT, json={"workflow": template(), "samples": rows, "skip_invalid": True})

    assert refused.status_code == 400
    (problem,) = refused.json["errors"]
    assert problem["code"] == "duplicate_sample"
    assert (problem["row"], problem["sample"], problem["path"]) == (2, "a", "samples[1].sample")
    assert taken.status_code == 201
    assert taken.json["count"] == 2
    assert [each["row"] for each in taken.json["skipped"]] == [2]
    assert collection(documents.Batch).count_documents({}) == 1


def test_a_dry_run_shows_the_first_workflows_and_stores_nothing(api: Api) -> None:
    body = {"workflow": template(), "samples": samples(5)}

    good = api("POST", f"{ROOT}?dry_run=true", json=body).json
    bad = api("POST", f"{ROOT}?dry_run=true", json=body | {"samples": [{"sample": "."}]}).json

    assert (good["valid"], good["count"], len(good["workflows"])) == (True, 5, 3)
    assert good["workflows"][1]["steps"][0]["params"]["output_file"] == "S1_first"
    assert (bad["valid"], bad["problems"][0]["code"]) == (False, "bad_name")
    assert collection(documents.Batch).count_documents({}) == 0


def test_the_same_key_and_body_is_one_batch_also_as_a_form(api: Api) -> None:
    headers = {"Idempotency-Key": "k1"}
    body = {"workflow": template(), "samples": samples(1)}

    first = api("POST", ROOT, json=body, headers=headers)
    again = api("POST", ROOT, json=body, headers=headers)
    other = api("POST", ROOT, json=body | {"name": "other"}, headers=headers)

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json["batch_id"] == again.json["batch_id"]


def test_no_more_rows_than_max_active_are_under_way_and_the_first_go_first(api: Api) -> None:
    api.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    batch, engine = submit(api, samples(5), max_active=2), api.engine()

    advance_batch(engine.context, batch)
    advance_batch(engine.context, batch)
    before = get(api, batch)["counts"]
    answer = api("PATCH", f"{ROOT}/{batch}", json={"max_active": 3})
    advance_batch(engine.context, batch)

    assert before["waiting"] == 3
    assert answer.json["max_active"] == 3
    assert get(api, batch)["counts"]["waiting"] == 2
    assert [row["sample"] for row in rows(api, batch, "?status=waiting")] == ["S3", "S4"]


def test_a_later_step_of_an_early_row_goes_before_the_first_step_of_a_late_one(api: Api) -> None:
    batch, engine = submit(api, samples(3)), api.engine().with_limits(user_jobs=1)
    advance_batch(engine.context, batch)

    engine.until(lambda: len(api.simulator.jobs()) == 6)

    folders = [job["params"]["output_path"] for job in api.simulator.jobs()]
    assert folders == [f"{FOLDER}/S{number}" for number in (0, 0, 1, 1, 2, 2)]


def test_after_a_cancel_nothing_starts_and_no_row_is_made(api: Api) -> None:
    api.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    batch, engine = submit(api, samples(4), max_active=2), api.engine()
    engine.until(lambda: len(api.simulator.jobs()) == 2)

    answer = api("POST", f"{ROOT}/{batch}/cancel")

    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert answer.json["receipts"] == {"never_started": 2, "kill_requested": 2}
    engine.until(lambda: api("POST", f"{ROOT}/{batch}/cancel").json["receipts"].get("killed") == 2)
    assert ends(api, engine, batch) == "cancelled"
    assert len(api.simulator.jobs()) == 2
    assert collection(documents.Workflow).count_documents({}) == 2
    assert [row["status"] for row in rows(api, batch)] == ["cancelled"] * 4


def test_a_batch_that_has_ended_cannot_be_cancelled(api: Api) -> None:
    batch = submit(api, samples(1))
    ends(api, api.engine(), batch)

    answer = api("POST", f"{ROOT}/{batch}/cancel")

    assert answer.status_code == 400
    assert "Cannot cancel batch with status 'succeeded'" in answer.json["detail"]


def test_failed_rows_are_grouped_and_retried(api: Api) -> None:
    batch, engine = submit(api, samples(3)), api.engine()
    advance_batch(engine.context, batch)
    api.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0, outcome="failed")
    assert ends(api, engine, batch) == "failed"
    api.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0, outcome="succeeded")

    (failure,) = get(api, batch)["failures"]
    errors = {row["error_message"] for row in rows(api, batch, "?status=failed")}
    one = api("POST", f"{ROOT}/{batch}/retry", json={"samples": ["S1"]}).json

    assert (failure["app"], failure["count"]) == ("Date", 3)
    assert failure["samples"] == ["S0", "S1", "S2"]
    assert all(error.startswith("Step 'first' failed: ") for error in errors)
    assert one["retried"] == 1
    assert ends(api, engine, batch) == "failed"
    assert get(api, batch)["counts"] == {"succeeded": 1, "failed": 2}
    assert api("POST", f"{ROOT}/{batch}/retry").json["retried"] == 2
    assert ends(api, engine, batch) == "succeeded"
    assert get(api, batch)["failures"] == []


def test_a_cancelled_batch_is_retried_with_the_rows_that_were_never_made(api: Api) -> None:
    batch, engine = submit(api, samples(4), max_active=2), api.engine()
    advance_batch(engine.context, batch)
    api("POST", f"{ROOT}/{batch}/cancel")
    assert ends(api, engine, batch) == "cancelled"

    answer = api("POST", f"{ROOT}/{batch}/retry", json={"status": ["cancelled"]})

    assert (answer.json["retried"], answer.json["status"]) == (4, "running")
    assert ends(api, engine, batch) == "succeeded"
    assert collection(documents.Workflow).count_documents({}) == 4
    assert api("POST", f"{ROOT}/{batch}/retry").status_code == 409


def test_a_paused_batch_begins_no_further_row(api: Api) -> None:
    batch, engine = submit(api, samples(3), max_active=1), api.engine()

    paused = api("POST", f"{ROOT}/{batch}/pause").json
    for _ in range(3):
        advance_batch(engine.context, batch)
        engine.turn()

    assert paused["paused"]
    assert "Paused" in paused["message"]
    assert get(api, batch)["counts"] == {"waiting": 3}
    assert api("POST", f"{ROOT}/{batch}/resume").json["paused"] is False
    assert ends(api, engine, batch) == "succeeded"
    assert api("POST", f"{ROOT}/{batch}/pause").status_code == 409


ROUTES = [
    ("POST", "/batches"),
    ("GET", "/batches"),
    ("GET", "/batches/{id}"),
    ("GET", "/batches/{id}/workflows"),
    ("GET", "/batches/{id}/results"),
    ("GET", "/batches/{id}/ro-crate"),
    ("GET", "/batches/{id}/forecast"),
    ("GET", "/batches/{id}/events"),
    ("POST", "/batches/{id}/samples"),
    ("PUT", "/batches/{id}/token"),
    ("POST", "/batches/{id}/pause"),
    ("POST", "/batches/{id}/resume"),
    ("PATCH", "/batches/{id}"),
    ("POST", "/batches/{id}/retry"),
    ("POST", "/batches/{id}/cancel"),
]


def test_a_batch_is_its_owners_alone(api: Api) -> None:
    batch = submit(api, samples(1))
    before = get(api, batch)

    for method, path in ROUTES:
        body: dict[str, Any] = {"json": {"max_active": 2}} if method == "PATCH" else {}
        mine, unknown = (f"/api/v1{path.format(id=each)}" for each in (batch, "b_none"))
        assert api(method, mine, None, **body).status_code == 401
        headers = {"Authorization": "garbage"}
        assert api(method, mine, None, headers=headers, **body).status_code == 401
        if "{id}" in path:
            assert api(method, mine, BOB, **body).status_code == 403, path
            assert api(method, unknown, **body).status_code == 404, path
    assert api("GET", ROOT, BOB).json["batches"] == []
    assert [each["batch_id"] for each in api("GET", ROOT).json["batches"]] == [batch]
    assert get(api, batch) == before
    assert api("GET", f"{ROOT}/{batch}", ADMIN).status_code == 200


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ([], "", "not_an_object"),
        ({"samples": [{}]}, "workflow", "missing_field"),
        ({"workflow": {}, "samples": [{}], "sampls": 1}, "sampls", "unknown_field"),
        ({"workflow": {}, "samples": [{}], "max_active": 501}, "max_active", "bad_argument"),
        ({"workflow": {}, "samples": [{}], "max_active": True}, "max_active", "bad_argument"),
        ({"workflow": {}, "samples": [{}], "labels": 1}, "labels", "wrong_type"),
        ({"workflow": {}, "samples": "x"}, "samples", "wrong_type"),
        ({"workflow": [], "samples": [{"a": 1}]}, "workflow", "not_an_object"),
        ({"workflow": {"steps": 5}, "samples": [{"a": 1}]}, "workflow.steps", "wrong_type"),
        ({"workflow": {"steps": [5]}, "samples": [{"a": 1}]}, "workflow.steps[0]", "wrong_type"),
    ],
)
def test_what_is_no_batch_is_refused_with_its_place(
    api: Api, body: Any, path: str, code: str
) -> None:
    answer = api("POST", ROOT, json=body)

    assert answer.status_code == 400, answer.text
    assert (path, code) in {(each["path"], each["code"]) for each in answer.json["errors"]}


def test_a_user_has_no_more_unfinished_batches_than_allowed(make_api: Any) -> None:
    api = make_api(batches={"unfinished_per_user": 1})
    submit(api, samples(1))

    answer = api("POST", ROOT, json={"workflow": template(), "samples": samples(1)})

    assert answer.status_code == 409
    assert answer.json["errors"][0]["code"] == "quota_exceeded"
