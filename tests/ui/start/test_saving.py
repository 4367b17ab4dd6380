"""Workflows become templates from their own pages and from the forms that start work; and what was
made from a template comes back into its form."""

from __future__ import annotations

import json
import re
from typing import Any

from app.ui.saving.openings import find_openings, open_values, suggest_names
from devstack.processes import wait_until
from tests.product import BOB, UI_GROUP, document
from tests.shared import ROOT
from tests.ui.conftest import Visitor
from tests.ui.start.forms import read_form
from tests.ui.start.test_start_pages import ASSEMBLY, fill, press
from tests.ui.start.test_template_pages import ISOLATE, TEMPLATE

pytestmark = UI_GROUP


def saved(answer: Any) -> str:
    """``name@version`` of the template to whose page it leads."""
    assert answer.status_code == 303, answer.text
    found = re.search(r"/templates/([^/]+)$", answer.headers["Location"])
    assert found
    return found[1].replace("%40", "@")


def test_values_become_inputs_and_references_stay() -> None:
    found = document({"a": "", "b": "a"}, labels={"batch": "x", "kind": "k"})
    found["base_context"]["sample"] = {"sample": "S1"}
    found["steps"][1]["params"]["text"] = "${steps.a.params.output_file}"

    openings = find_openings(found, {"open.0.output_file": "file"})
    workflow, declared = open_values(found, openings)

    assert suggest_names(openings) == {
        "open.0.output_file": "a_output_file", "open.1.output_file": "b_output_file",
    }  # fmt: skip
    assert declared == {"file": {"examples": ["a"]}}
    assert [each["params"]["output_file"] for each in workflow["steps"]] == ["${inputs.file}", "b"]
    assert workflow["base_context"] == {"base_url": "https://www.bv-brc.org"}
    assert workflow["labels"] == {"kind": "k"}
    assert found["steps"][0]["params"]["output_file"] == "a"


def test_a_former_workflow_is_saved_and_used_again(alice: Visitor) -> None:
    workflow = alice.product.submit(document({"a": "", "b": "a"}, name="Two Dates"))
    assert f"/ui/new/save?former={workflow}" in alice.get(f"/workflows/{workflow}/").text

    page = read_form(alice.get(f"/new/save?former={workflow}").text).values
    page |= {"open.0.output_file": "first", "open.1.output_file": "", "title": "Two dates"}
    reference = saved(press(alice, "/new/save", "save", page))

    assert page["name"] == "two-dates"
    shown = alice.product.ask("GET", f"/templates/{reference}")
    assert (shown["title"], shown["needs_folder"]) == ("Two dates", True)
    assert shown["inputs"]["properties"]["first"]["examples"] == ["a"]
    assert shown["steps"][1]["depends_on"] == ["a"]
    again = saved(press(alice, "/new/save", "save", page))
    assert again == reference
    alice.sign_in(BOB)
    assert alice.get(f"/new/save?former={workflow}").status_code == 403


def test_a_form_is_saved_and_problems_are_told(alice: Visitor) -> None:
    values = fill(alice, ASSEMBLY, name="from the form", **{"p.output_file": "asm"})
    values |= {"p.srr_ids.0": "SRR1234567", "p.recipe": "unicycler"}

    page = read_form(press(alice, "/new/save", "", values).text).values
    opened = {"open.0.srr_ids": "runs", "open.0.output_file": "", "open.0.recipe": ""}
    nameless = press(alice, "/new/save", "save", {**page, **opened, "name": ""})
    reference = saved(press(alice, "/new/save", "save", {**page, **opened}))

    assert nameless.status_code == 400
    assert "name" in nameless.text
    assert read_form(nameless.text).values["open.0.srr_ids"] == "runs"
    shown = alice.product.ask("GET", f"/templates/{reference}")
    assert shown["name"] == "from-the-form"
    assert list(shown["inputs"]["properties"]) == ["runs"]
    assert shown["inputs"]["properties"]["runs"]["type"] == "array"
    assert shown["workflow"]["steps"][0]["params"]["recipe"] == "unicycler"


def test_documents_are_saved_in_either_language(alice: Visitor) -> None:
    cwl = (ROOT / "examples/cwl/assemble_annotate.cwl").read_text()
    native = json.dumps(document({"a": ""}, name="pasted"))

    for text, kind in ((cwl, "cwl"), (native, "workflow")):
        values = fill(alice, "/new/document", document=text)
        page = read_form(press(alice, "/new/save", "", values).text).values
        reference = saved(press(alice, "/new/save", "save", {**page, "name": f"pasted-{kind}"}))
        assert alice.product.ask("GET", f"/templates/{reference}")["kind"] == kind
    broken = press(alice, "/new/save", "save", {**page, "workflow": "{", "name": "broken"})
    assert broken.status_code == 400


def test_a_workflow_made_from_a_template_comes_back_into_its_form(alice: Visitor) -> None:
    runs = {"p.srr_ids.0": "SRR1234567", "p.name": "iso", "p.recipe": "unicycler"}
    values = fill(alice, TEMPLATE, name="first try", **ISOLATE, **runs)
    started = press(alice, "/new/template", "start", values)
    workflow = started.headers["Location"].split("/")[-2]

    again = alice.get(f"/workflows/{workflow}/again").headers["Location"]
    page = read_form(alice.get(again.removeprefix("/ui")).text).values

    assert "/new/template?" in again
    assert page["name"] == "first try"
    assert {key: page[key] for key in runs} == runs
    assert page["p.scientific_name"] == "Escherichia coli"
    assert page["folder"] == "/alice@bvbrc/home/Workflows"


def test_a_sample_comes_back_into_the_form_of_its_template(alice: Visitor) -> None:
    body = {
        "template": "assembly-annotation",
        "samples": [{"sample": "S1", "run": "SRR1"}],
        "map": {"srr_ids": "run"},
        "inputs": {"scientific_name": "Escherichia coli"},
        "workspace_output_folder": "/alice@bvbrc/home/again",
    }
    batch = alice.product.ask("POST", "/batches", json=body)["batch_id"]

    def rows() -> Any:
        return alice.product.ask("GET", f"/batches/{batch}/workflows")["workflows"]

    wait_until(lambda: rows()[0]["workflow_id"], "its workflow is made")
    again = alice.get(f"/workflows/{rows()[0]['workflow_id']}/again").headers["Location"]
    page = read_form(alice.get(again.removeprefix("/ui")).text).values

    assert page["p.srr_ids.0"] == "SRR1"
    assert page["p.name"] == "S1"
    assert page["p.scientific_name"] == "Escherichia coli"
