"""Rows that are added to a batch: checked as the first ones, added once, made and run like them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.app.batches.test_batches import ends, get, rows, samples, submit, table, template
from tests.app.batches.test_cwl_batches import body as cwl_body
from tests.app.conftest import ADMIN, BOB, Api
from workflows.engine.batches.advance import advance_batch
from workflows.store import documents
from workflows.store.batches import tables
from workflows.store.mongo import collection

ROOT = "/api/v1/batches"


def add(api: Api, batch: str, found: list[dict[str, Any]], **fields: Any) -> TestResponse:
    headers = {"Idempotency-Key": fields.pop("key")} if "key" in fields else {}
    sent = {"samples": found, **fields}
    return api("POST", f"{ROOT}/{batch}/samples", json=sent, headers=headers)


def names(api: Api, batch: str) -> list[tuple[int, str, str]]:
    return [(row["row"], row["sample"], row["status"]) for row in rows(api, batch)]


def test_a_batch_that_has_ended_goes_on_with_the_rows_that_are_added(api: Api) -> None:
    batch, engine = submit(api, samples(2)), api.engine()
    assert ends(api, engine, batch) == "succeeded"
    before = {row["workflow_id"] for row in rows(api, batch)}

    answer = add(api, batch, [{"sample": "S8", "note": "late"}, {"sample": "S9"}])

    assert answer.status_code == 201, answer.text
    assert (answer.json["added"], answer.json["count"], answer.json["status"]) == (2, 4, "running")
    assert "unused_column" in {each["code"] for each in answer.json["warnings"]}
    assert get(api, batch)["counts"] == {"waiting": 2, "succeeded": 2}
    assert get(api, batch)["finished_at"] is None
    assert ends(api, engine, batch) == "succeeded"
    assert names(api, batch) == [
        *((1, "S0", "succeeded"), (2, "S1", "succeeded")),
        *((3, "S8", "succeeded"), (4, "S9", "succeeded")),
    ]
    assert before == {row["workflow_id"] for row in rows(api, batch)[:2]}
    assert collection(documents.Workflow).count_documents({"batch": batch}) == 4
    last = table(api, batch)[2]
    assert last["note"] == "late"
    assert last["first.result"].endswith("/S8/S8_first")


def test_rows_come_as_a_file_and_those_without_a_name_are_numbered_on(api: Api) -> None:
    batch = submit(api, [{"kind": "a"}, {"kind": "b"}])

    answer = api(
        "POST", f"{ROOT}/{batch}/samples", content_type="multipart/form-data",
        data={"samples": (io.BytesIO(b"kind;x\nc;1\nd;2\n"), "more.csv"), "delimiter": ";"},
    )  # fmt: skip

    assert answer.status_code == 201, answer.text
    assert [(row["row"], row["sample"]) for row in rows(api, batch)] == [
        *((1, "1"), (2, "2"), (3, "3"), (4, "4")),
    ]


def test_added_rows_are_checked_whole_against_the_batch(api: Api) -> None:
    document = template()
    document["steps"][0]["params"]["output_path"] = "/alice@patricbrc.org/home/x"
    document["steps"][0]["params"]["output_file"] = "${sample.kind}"
    batch = submit(api, [{"sample": "S1", "kind": "a"}], workflow=document)
    more = [
        {"sample": "s1", "kind": "b"},
        {"sample": "S2", "kind": "${x}"},
        {"sample": "S3", "kind": "a"},
        {"sample": "S4", "kind": "c"},
    ]

    refused = add(api, batch, more)
    known = get(api, batch)
    taken = add(api, batch, more, skip_invalid=True)

    assert refused.status_code == 400
    assert {(each["path"], each["code"]) for each in refused.json["errors"]} == {
        ("samples[0].sample", "duplicate_sample"),
        ("samples[1].kind", "reference_in_cell"),
        ("samples[2]", "output_conflict"),
    }
    assert known["count"] == 1
    assert taken.status_code == 201, taken.text
    assert (taken.json["added"], taken.json["count"], len(taken.json["skipped"])) == (1, 2, 3)
    assert [row["sample"] for row in rows(api, batch)] == ["S1", "S4"]


def test_the_same_key_and_body_adds_rows_once(api: Api) -> None:
    batch = submit(api, samples(1))

    first = add(api, batch, [{"sample": "A"}], key="more")
    again = add(api, batch, [{"sample": "A"}], key="more")
    other = add(api, batch, [{"sample": "B"}], key="more")

    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 409]
    assert (again.json["added"], again.json["count"]) == (1, 2)
    assert [row["sample"] for row in rows(api, batch)] == ["S0", "A"]


def test_requests_at_the_same_time_add_all_their_rows(api: Api) -> None:
    batch = submit(api, samples(1))

    def one(number: int) -> int:
        own = replace(api, client=api.client.application.test_client())
        return add(own, batch, [{"sample": f"T{number}"}], key=f"k{number}").status_code

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(one, range(4)))

    assert codes == [201] * 4
    assert sorted(row["sample"] for row in rows(api, batch)) == ["S0", "T0", "T1", "T2", "T3"]
    assert get(api, batch)["count"] == 5
    assert ends(api, api.engine(), batch) == "succeeded"
    assert collection(documents.Workflow).count_documents({"batch": batch}) == 5


def test_rows_of_a_batch_in_cwl_are_planned_with_what_it_was_submitted_with(api: Api) -> None:
    first = [{"sample": f"S{number}", "run": f"SRR{number}"} for number in range(49)]
    accepted = api("POST", ROOT, json=cwl_body(
        *first, map={"runs": "run"}, inputs={"recipe": "spades"}, max_active=3
    ))  # fmt: skip
    batch, engine = accepted.json["batch_id"], api.engine()
    advance_batch(engine.context, batch)
    refused = add(api, batch, [{"sample": "T0", "run": ""}])

    for part in (1, 2):  # across the end of a document of plans
        answer = add(api, batch, [{"sample": f"T{part}", "run": f"SRR9{part}"}])
        assert answer.status_code == 201, answer.text

    assert refused.json["errors"][0]["path"] == "samples[0].run"
    api("PATCH", f"{ROOT}/{batch}", json={"max_active": 60})
    advance_batch(engine.context, batch)
    made = rows(api, batch)
    assert [row["sample"] for row in made[-2:]] == ["T1", "T2"]
    for number, row in enumerate(made[-2:], 1):
        params = api("GET", f"/api/v1/workflows/{row['workflow_id']}").json["steps"][0]["params"]
        assert (params["srr_ids"], params["recipe"]) == ([f"SRR9{number}"], "spades")


def test_rows_of_a_batch_from_a_template_get_its_inputs(api: Api) -> None:
    stored = {
        "name": "dated",
        "inputs": {"properties": {"label": {"type": "string", "default": "plain"}}},
        "workflow": {
            "workflow_name": "dated",
            "version": "1.0",
            "base_context": {"base_url": "https://www.bv-brc.org"},
            "steps": [{"step_name": "one", "app": "Date", "params": {
                "output_path": "${workspace_output_folder}",
                "output_file": "d_${inputs.label}"}}],
        },
    }  # fmt: skip
    assert api("POST", "/api/v1/templates", json=stored).status_code == 201, "the template"
    accepted = api("POST", "/api/v1/templates/dated@1/batches", json={
        "samples": [{"sample": "S1", "label": "x"}],
        "workspace_output_folder": "/alice@patricbrc.org/home/run",
    })  # fmt: skip
    assert accepted.status_code == 201, accepted.text
    batch = accepted.json["batch_id"]

    answer = add(api, batch, [{"sample": "S2"}, {"sample": "S3", "label": "y"}])

    assert answer.status_code == 201, answer.text
    assert ends(api, api.engine(), batch) == "succeeded"
    ids = [row["workflow_id"] for row in rows(api, batch)]
    made = [api("GET", f"/api/v1/workflows/{each}").json["base_context"] for each in ids]
    assert [each["sample"]["label"] for each in made] == ["x", "plain", "y"]


def test_no_rows_are_added_to_a_cancelled_batch_or_by_others(api: Api) -> None:
    batch = submit(api, samples(1))
    for other, status in ((BOB, 403), (ADMIN, 403)):
        sent = {"samples": [{"sample": "A"}]}
        assert api("POST", f"{ROOT}/{batch}/samples", other, json=sent).status_code == status

    api("POST", f"{ROOT}/{batch}/cancel")
    answer = add(api, batch, [{"sample": "A"}])

    assert answer.status_code == 409
    assert get(api, batch)["count"] == 1
    assert add(api, "b_0", [{"sample": "A"}]).status_code == 404


@pytest.mark.parametrize(
    ("sent", "path", "code"),
    [
        ({}, "samples", "missing_field"),
        ({"samples": []}, "samples", "empty_table"),
        ({"samples": [{"sample": "A"}], "name": "x"}, "name", "unknown_field"),
    ],
)
def test_what_is_no_addition_is_refused_with_its_place(
    api: Api, sent: dict[str, Any], path: str, code: str
) -> None:
    batch = submit(api, samples(1))

    answer = api("POST", f"{ROOT}/{batch}/samples", json=sent)

    assert answer.status_code == 400
    assert (answer.json["errors"][0]["path"], answer.json["errors"][0]["code"]) == (path, code)


def test_a_process_that_keeps_an_older_table_reads_the_longer_one(api: Api) -> None:
    batch = submit(api, samples(1))
    assert len(tables.get(batch, 1).table.rows) == 1

    add(api, batch, [{"sample": "A"}])

    assert len(tables.get(batch, 2).table.rows) == 2


def test_a_fresh_token_is_handed_to_a_batch(api: Api) -> None:
    batch = submit(api, samples(1))
    collection(documents.Credential).delete_many({})

    answer = api("PUT", f"{ROOT}/{batch}/token")

    assert answer.status_code == 204
    assert collection(documents.Credential).count_documents({}) == 1
    assert api("PUT", f"{ROOT}/{batch}/token", BOB).status_code == 403
    assert api("PUT", f"{ROOT}/b_0/token").status_code == 404
