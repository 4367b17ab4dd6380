"""Steps over all rows of a batch over the API: a real engine behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.app.batches.test_batches import (
    FOLDER,
    ends,
    get,
    rows,
    samples,
    submit,
    template,
    upload,
)
from tests.app.batches.test_cwl_batches import body as cwl_body
from tests.app.conftest import Api
from tests.engine.conftest import Engine
from workflows.engine.batches.advance import advance_batch
from workflows.store import documents
from workflows.store.mongo import collection

ROOT = "/api/v1/batches"


def gather(reference: str = "${batch.outputs.first.result}", **fields: Any) -> dict[str, Any]:
    place = {"output_path": "${workspace_output_folder}", "output_file": "everything"}
    return {
        "workflow_name": "everything",
        "version": "1.0",
        "base_context": {"base_url": "https://www.bv-brc.org", "workspace_output_folder": FOLDER},
        "steps": [{"step_name": "all", "app": "Date", "params": {**place, "names": reference}}],
        **fields,
    }


def gathered(api: Api) -> list[dict[str, Any]]:
    """The jobs of gathers."""
    return [job for job in api.simulator.jobs() if job["params"]["output_file"] == "everything"]


def fails(api: Api, sample: str, outcome: str = "failed") -> None:
    api.simulator.app(
        "Date",
        output_file=f"{sample}_first",
        outcome=outcome,
        queue_seconds=0,
        run_seconds=0,
        lag_seconds=0,
    )


def results_of(*names: str) -> list[str]:
    return [f"{FOLDER}/{name}/{name}_first" for name in names]


def paused_at_its_end(api: Api, engine: Engine, batch: str) -> None:
    """All rows have ended, and the gather has not begun."""
    advance_batch(engine.context, batch)
    assert api("POST", f"{ROOT}/{batch}/pause").status_code == 200
    engine.until(lambda: set(get(api, batch)["counts"]) <= {"succeeded", "failed"})


def test_it_begins_once_when_all_rows_have_ended_with_what_they_have_left(api: Api) -> None:
    sent = gather(labels={"own": "x"}, workflow_outputs=[])
    batch, engine = submit(api, samples(3), gather=sent, labels={"project": "p"}), api.engine()
    fails(api, "S1")
    before = get(api, batch)["gather"]

    assert ends(api, engine, batch) == "failed"

    shown = get(api, batch)
    assert before == {
        "workflow_id": None, "status": "waiting", "require": "any", "rows": None, "message": ""
    }  # fmt: skip
    assert shown["counts"] == {"succeeded": 2, "failed": 1}
    assert (shown["gather"]["status"], shown["gather"]["rows"]) == ("succeeded", 2)
    (job,) = gathered(api)
    assert job["params"]["names"] == results_of("S0", "S2")
    whole = api("GET", f"/api/v1/workflows/{shown['gather']['workflow_id']}").json
    assert (whole["batch_id"], whole["workflow_name"]) == (batch, "everything")
    assert "sample" not in whole
    assert whole["labels"] == {"own": "x", "project": "p", "batch": batch}
    assert api("POST", "/api/v1/workflows/validate", json=whole).status_code == 200
    listed = api("GET", f"/api/v1/workflows?batch={batch}").json["workflows"]
    assert len(listed) == 4
    assert [row["sample"] for row in rows(api, batch)] == ["S0", "S1", "S2"]
    crate = api("GET", f"{ROOT}/{batch}/ro-crate").json
    (about,) = (each for each in crate["@graph"] if each["@id"] == "./")
    assert "what each of 3 samples was given" in about["description"]
    advance_batch(engine.context, batch)
    assert collection(documents.Workflow).count_documents({"batch": batch}) == 4


def test_a_batch_runs_until_its_gather_has_ended_and_fails_with_it(api: Api) -> None:
    batch, engine = submit(api, samples(1), gather=gather()), api.engine()
    api.simulator.app(
        "Date", output_file="everything", outcome="failed", queue_seconds=0, run_seconds=0, count=1
    )
    engine.until(lambda: get(api, batch)["gather"]["workflow_id"] is not None)
    between = get(api, batch)

    assert ends(api, engine, batch) == "failed"

    assert (between["status"], between["counts"]) == ("running", {"succeeded": 1})
    shown = get(api, batch)
    assert (shown["counts"], shown["failures"]) == ({"succeeded": 1}, [])
    assert shown["gather"]["status"] == "failed"
    assert "Step 'all' failed" in shown["gather"]["message"]
    (listed,) = api("GET", ROOT).json["batches"]
    assert listed["status"] == "failed"
    assert api("POST", f"{ROOT}/{batch}/retry").json["retried"] == 1
    assert ends(api, engine, batch) == "succeeded"
    assert collection(documents.Workflow).count_documents({"batch": batch}) == 2


def test_one_that_requires_all_waits_for_a_retry_of_those_that_failed(api: Api) -> None:
    batch, engine = submit(api, samples(2), gather=gather(require="all")), api.engine()
    fails(api, "S1")
    assert ends(api, engine, batch) == "failed"
    skipped = get(api, batch)["gather"]
    fails(api, "S1", "succeeded")

    assert api("POST", f"{ROOT}/{batch}/retry").json["retried"] == 1

    assert (skipped["status"], skipped["workflow_id"]) == ("skipped", None)
    assert "1 of 2 did not succeed" in skipped["message"]
    assert ends(api, engine, batch) == "succeeded"
    assert gathered(api)[0]["params"]["names"] == [
        *results_of("S0"),
        f"{FOLDER}/S1/S1_first_attempt2",
    ]


def test_a_retry_of_one_row_by_itself_lets_it_begin_though_no_message_says_so(api: Api) -> None:
    batch, engine = submit(api, samples(2), gather=gather(require="all")), api.engine()
    fails(api, "S1")
    assert ends(api, engine, batch) == "failed"
    fails(api, "S1", "succeeded")
    (row,) = rows(api, batch, "?status=failed")

    sent = {"params": {"first": {"output_file": "other"}}}
    answer = api("POST", f"/api/v1/workflows/{row['workflow_id']}/retry", json=sent)
    assert answer.status_code == 200, answer.text

    # Nothing is heard of the end of the row: the sweep looks at the batch.
    engine.until(lambda: get(api, batch)["status"] == "succeeded")
    assert get(api, batch)["gather"]["rows"] == 2
    names = gathered(api)[0]["params"]["names"]
    assert names == [*results_of("S0"), f"{FOLDER}/S1/other_attempt2"]


def test_rows_that_succeed_after_it_has_begun_are_not_in_it_and_that_is_said(api: Api) -> None:
    batch, engine = submit(api, samples(2), gather=gather()), api.engine()
    fails(api, "S1")
    assert ends(api, engine, batch) == "failed"
    fails(api, "S1", "succeeded")

    api("POST", f"{ROOT}/{batch}/retry")

    assert ends(api, engine, batch) == "succeeded"
    shown = get(api, batch)["gather"]
    assert (shown["rows"], len(gathered(api))) == (1, 1)
    assert "1 more have succeeded since" in shown["message"]


def test_no_row_that_succeeded_is_no_gather(api: Api) -> None:
    batch, engine = submit(api, samples(1), gather=gather()), api.engine()
    fails(api, "S0")

    assert ends(api, engine, batch) == "failed"

    assert get(api, batch)["gather"]["status"] == "skipped"
    assert "No row has succeeded" in get(api, batch)["gather"]["message"]
    assert not gathered(api)


def test_rows_that_are_added_before_it_begins_are_in_it_and_later_ones_are_refused(
    api: Api,
) -> None:
    batch, engine = submit(api, samples(1), gather=gather()), api.engine()
    paused_at_its_end(api, engine, batch)

    added = api("POST", f"{ROOT}/{batch}/samples", json={"samples": [{"sample": "S9"}]})
    api("POST", f"{ROOT}/{batch}/resume")
    assert ends(api, engine, batch) == "succeeded"
    late = api("POST", f"{ROOT}/{batch}/samples", json={"samples": [{"sample": "S10"}]})

    assert added.status_code == 201, added.text
    assert gathered(api)[0]["params"]["names"] == results_of("S0", "S9")
    assert late.status_code == 409
    assert "the gather of this batch has begun" in late.json["detail"]
    assert get(api, batch)["count"] == 2


def test_a_paused_batch_begins_no_gather_and_neither_does_a_cancelled_one(api: Api) -> None:
    batch, engine = submit(api, samples(1), gather=gather()), api.engine()
    paused_at_its_end(api, engine, batch)
    advance_batch(engine.context, batch)
    paused = get(api, batch)

    cancelled = api("POST", f"{ROOT}/{batch}/cancel").json
    ends(api, engine, batch)

    assert (paused["status"], paused["gather"]["status"]) == ("running", "waiting")
    assert (cancelled["status"], cancelled["gather"]["status"]) == ("cancelled", "cancelled")
    assert not gathered(api)
    assert api("POST", f"{ROOT}/{batch}/retry", json={"status": ["cancelled"]}).status_code == 200
    assert api("POST", f"{ROOT}/{batch}/resume").status_code == 200
    assert ends(api, engine, batch) == "succeeded"
    assert len(gathered(api)) == 1


def test_a_cancel_ends_a_gather_that_runs(api: Api) -> None:
    api.simulator.app("Date", output_file="everything", queue_seconds=0, run_seconds=1000)
    batch, engine = submit(api, samples(1), gather=gather()), api.engine()
    engine.until(lambda: len(gathered(api)) == 1)

    answer = api("POST", f"{ROOT}/{batch}/cancel").json

    assert (answer["status"], answer["receipts"]) == ("cancelled", {"already_finished": 1})
    assert ends(api, engine, batch) == "cancelled"
    shown = get(api, batch)
    assert (shown["counts"], shown["gather"]["status"]) == ({"succeeded": 1}, "cancelled")


@pytest.mark.parametrize(
    ("sent", "path", "code"),
    [
        (gather("${batch.outputs.first.rezult}"), "steps[0].params.names", "unknown_output"),
        (gather("${steps.none.outputs.x}"), "steps[0].params.names", "unknown_step"),
        (gather(steps=[{"step_name": "x"}]), "steps[0].app", "missing_field"),
        (gather(require="most"), "require", "bad_argument"),
        ([], "", "not_an_object"),
    ],
)
def test_its_problems_are_found_at_the_submission_together_with_those_of_the_rows(
    api: Api, sent: Any, path: str, code: str
) -> None:
    at = f"gather.{path}" if path else "gather"
    good = {"workflow": template(), "samples": samples(1), "gather": sent}
    bad = good | {"samples": [{"sample": "."}]}

    refused, both = (api("POST", ROOT, json=each) for each in (good, bad))
    dry = api("POST", f"{ROOT}?dry_run=true", json=good)

    found = {(each["path"], each["code"]): each for each in refused.json["errors"]}
    assert refused.status_code == both.status_code == 400
    assert (at, code) in found
    assert code != "unknown_output" or "first.result" in found[at, code]["suggestion"]
    assert "bad_name" in {each["code"] for each in both.json["errors"]}
    assert (dry.status_code, dry.json["valid"], dry.json["gather"]) == (200, False, None)
    assert collection(documents.Batch).count_documents({}) == 0


def test_a_dry_run_shows_it_and_a_form_may_bring_it(api: Api) -> None:
    body = {"workflow": template(), "samples": samples(2), "gather": gather(require="all")}

    shown = api("POST", f"{ROOT}?dry_run=true", json=body).json
    form = upload(api, b"sample\nS1\n", gather=json.dumps(gather(require="all")))

    assert (shown["valid"], shown["gather"]["workflow_name"]) == (True, "everything")
    assert form.status_code == 201, form.text
    assert get(api, form.json["batch_id"])["gather"]["require"] == "all"


def test_rows_in_cwl_have_a_gather_too(api: Api) -> None:
    cells = [{"sample": name, "runs": "SRR1234567"} for name in ("S1", "S2")]
    names = [f"${{batch.outputs.{name}}}" for name in ("contigs", "contig")]
    answer, wrong = (api("POST", ROOT, json=cwl_body(*cells, gather=gather(n))) for n in names)

    assert answer.status_code == 201, answer.text
    assert wrong.json["errors"][0]["code"] == "unknown_output"
    assert ends(api, api.engine(), answer.json["batch_id"]) == "succeeded"
    (job,) = gathered(api)
    assert ["/S1/" in path for path in job["params"]["names"]] == [True, False]


def test_its_workflow_is_deleted_with_no_harm_to_the_batch(api: Api) -> None:
    batch, engine = submit(api, samples(1), gather=gather()), api.engine()
    assert ends(api, engine, batch) == "succeeded"
    workflow = get(api, batch)["gather"]["workflow_id"]

    assert api("DELETE", f"/api/v1/workflows/{workflow}").status_code in (200, 204)

    shown = get(api, batch)
    assert (shown["status"], shown["gather"]["status"]) == ("succeeded", "deleted")
    assert shown["gather"]["workflow_id"] is None
