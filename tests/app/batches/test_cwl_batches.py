"""Batches whose workflow is CWL: each row is planned before anything is stored, and runs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from tests.app.batches.test_batches import ends, get, rows, samples
from tests.app.conftest import ADMIN, ALICE, Api
from workflows.engine.batches.advance import advance_batch
from workflows.store import documents
from workflows.store.mongo import collection

ROOT = "/api/v1/batches"
FOLDER = "/alice@patricbrc.org/home/run"
DOCUMENT = """
cwlVersion: v1.2
class: Workflow
label: assemblies
requirements: {InlineJavascriptRequirement: {}, StepInputExpressionRequirement: {}}
inputs:
  runs: string[]
  recipe:
    type: {type: enum, symbols: [auto, spades]}
    default: auto
  twice: {type: boolean, default: false}
steps:
  assemble:
    run: bvbrc://GenomeAssembly2
    in: {srr_ids: runs, recipe: recipe}
    out: [contigs]
  again:
    run: bvbrc://GenomeAssembly2
    when: $(inputs.twice)
    in: {srr_ids: runs, recipe: recipe, twice: twice}
    out: [contigs]
outputs:
  contigs: {type: File, outputSource: assemble/contigs}
  others: {type: File?, outputSource: again/contigs}
"""


def body(*cells: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"cwl": DOCUMENT, "samples": list(cells), "workspace_output_folder": FOLDER, **fields}


def table(api: Api, batch: str) -> list[dict[str, str]]:
    answer = api("GET", f"{ROOT}/{batch}/results")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_each_row_is_planned_for_itself_and_the_outputs_are_one_table(api: Api) -> None:
    answer = api("POST", ROOT, json=body(
        {"sample": "S1", "run": "SRR1;SRR2"}, {"sample": "S2", "run": "SRR3", "twice": "yes"},
        map={"runs": "run"}, inputs={"recipe": "spades"}, labels={"project": "x"},
    ))  # fmt: skip
    assert answer.status_code == 201, answer.text
    batch = answer.json["batch_id"]

    assert ends(api, api.engine(), batch) == "succeeded"
    shown = get(api, batch)
    assert (shown["name"], shown["counts"]) == ("assemblies", {"succeeded": 2})
    one, two = (
        api("GET", f"/api/v1/workflows/{row['workflow_id']}").json for row in rows(api, batch)
    )
    assert one["workflow_name"] == "assemblies-S1"
    assert one["labels"] == {"project": "x", "batch": batch, "sample": "S1"}
    assert [len(each["steps"]) for each in (one, two)] == [1, 2]
    assert one["steps"][0]["params"]["srr_ids"] == ["SRR1", "SRR2"]
    assert one["steps"][0]["params"]["recipe"] == "spades"
    first, second = table(api, batch)
    assert first["contigs"].startswith(f"{FOLDER}/S1/")
    assert (first["others"], first["run"]) == ("", "SRR1;SRR2")
    assert second["others"].startswith(f"{FOLDER}/S2/")


def test_every_row_is_checked_and_nothing_is_stored(api: Api) -> None:
    cells = [{"runs": "SRR1"}, {"runs": "nonsense"}, {"runs": ""}, {"runs": "SRR2", "recipe": "x"}]

    refused = api("POST", ROOT, json=body(*cells))
    dry = api("POST", f"{ROOT}?dry_run", json=body(*cells))
    some = api("POST", ROOT, json=body(*cells, skip_invalid=True))

    assert refused.status_code == 400
    assert {each["path"] for each in refused.json["errors"]} == {
        "samples[1].runs", "samples[2].runs", "samples[3].recipe",
    }  # fmt: skip
    assert {each["row"] for each in dry.json["problems"]} == {2, 3, 4}
    assert (some.status_code, some.json["count"]) == (201, 1)
    assert {each["row"] for each in some.json["skipped"]} == {2, 3, 4}


def test_a_document_that_is_no_workflow_is_refused_with_its_place(api: Api) -> None:
    answer = api("POST", ROOT, json={**body({"runs": "SRR1"}), "cwl": "class: Nonsense"})
    unknown = api("POST", ROOT, json=body({"runs": "SRR1"}, map={"run": "runs"}))

    assert answer.status_code == 400
    assert answer.json["errors"][0]["path"].startswith("cwl")
    assert unknown.json["errors"][0]["path"] == "map.run"
    assert collection(documents.Batch).count_documents({}) == 0


def test_a_template_in_cwl_makes_batches_and_so_does_its_name(api: Api) -> None:
    stored = {"name": "by-cwl", "cwl": DOCUMENT}
    assert api("POST", "/api/v1/templates", json=stored).status_code == 201
    parts = {
        "samples": (io.BytesIO(b"sample,runs,note\nS1,SRR1,x\n"), "samples.csv"),
        "workspace_output_folder": FOLDER,
    }
    form = {"content_type": "multipart/form-data"}

    first = api("POST", "/api/v1/templates/by-cwl@1/batches", data=parts, **form)
    parts["samples"] = (io.BytesIO(b"sample,runs\nS2,SRR2\n"), "samples.csv")
    second = api("POST", ROOT, data={**parts, "template": "by-cwl"}, **form)

    assert [first.status_code, second.status_code] == [201, 201], second.text
    assert first.json["name"] == "by-cwl"
    assert "unused_column" in {each["code"] for each in first.json["warnings"]}
    for each in (first, second):
        shown = get(api, each.json["batch_id"])
        assert shown["template"] == {"name": "by-cwl", "version": 1}
    assert ends(api, api.engine(), second.json["batch_id"]) == "succeeded"
    missing = api("POST", ROOT, json={"template": "no-such", "samples": samples(1)})
    assert missing.status_code == 404


def test_a_row_whose_further_steps_depend_on_results_is_planned_on(api: Api) -> None:
    document = DOCUMENT.replace(
        "when: $(inputs.twice)", "when: $(inputs.before.size !== 1)"
    ).replace("twice: twice}", "before: assemble/contigs}")
    answer = api("POST", ROOT, json=body({"sample": "S1", "runs": "SRR1"}, cwl=document))
    assert answer.status_code == 201, answer.text
    batch = answer.json["batch_id"]

    assert ends(api, api.engine(), batch) == "succeeded"
    (row,) = table(api, batch)
    assert row["others"].startswith(f"{FOLDER}/S1/")


def test_plans_go_with_their_batch(api: Api) -> None:
    batch = api("POST", ROOT, json=body({"runs": "SRR1"})).json["batch_id"]
    advance_batch(api.engine().context, batch)

    source = json.loads(api("GET", f"/api/v1/batches/{batch}/workflows").text)["workflows"][0]
    again = api("GET", f"/api/v1/workflows/{source['workflow_id']}", ALICE)

    assert again.json["labels"]["batch"] == batch
    assert collection(documents.BatchPlan).count_documents({"_id": f"{batch}/0"}) == 1
    assert api("GET", f"{ROOT}/{batch}", ADMIN).status_code == 200
