"""Templates are filled in, checked and started from pages, for one sample and for many."""

from __future__ import annotations

from tests.product import UI_GROUP
from tests.shared import ROOT
from tests.ui.conftest import Visitor
from tests.ui.start.forms import read_form
from tests.ui.start.test_start_pages import fill, press

pytestmark = UI_GROUP
TEMPLATE = "/new/template?template=assembly-annotation"
ISOLATE = {"p.scientific_name": "Escherichia coli", "p.taxonomy_id": "562"}


def test_a_template_is_found_filled_in_and_started(alice: Visitor) -> None:
    assert "assembly-annotation" in alice.get("/new?query=annotation").text
    assert alice.get("/new/template?template=nothing").status_code == 404
    values = fill(alice, TEMPLATE, name="from a template")

    faulty = press(alice, "/new/template", "start", values)
    added = read_form(press(alice, "/new/template", "add:srr_ids", values).text).values
    whole = {**added, **ISOLATE, "p.name": "iso", "p.srr_ids.0": "SRR1234567"}
    checked = press(alice, "/new/template", "check", whole).text
    started = press(alice, "/new/template", "start", whole)
    again = press(alice, "/new/template", "start", whole)

    assert faulty.status_code == 400
    assert read_form(faulty.text).invalid == {"p.name", "p.scientific_name"}
    assert "/alice@bvbrc/home/Workflows/Annotation/iso" in checked
    assert started.status_code == 303
    assert again.headers["Location"] == started.headers["Location"]
    workflow = alice.product.ask("GET", f"/workflows/{started.headers['Location'].split('/')[-2]}")
    assert workflow["workflow_name"] == "from a template"
    assert [step["app"] for step in workflow["steps"]] == ["GenomeAssembly2", "GenomeAnnotation"]


def test_a_sheet_gives_the_inputs_of_a_template(alice: Visitor) -> None:
    values = fill(alice, TEMPLATE, name="many of a template", **ISOLATE)
    page = read_form(press(alice, "/new/sheet", "", values).text).values
    table = "sample,accession\nA,SRR1\nB,nonsense\n"

    faulty = read_form(press(alice, "/new/sheet", "check", {**page, "table": table}).text)
    mended = {**faulty.values, "cell.1.1": "SRR2"}
    started = press(alice, "/new/sheet", "start", mended)

    assert faulty.invalid == {"cell.1.1"}
    assert faulty.values["fills.1"] == "inputs.srr_ids"
    assert started.status_code == 303
    batch = alice.product.ask("GET", f"/batches/{started.headers['Location'].rpartition('/')[2]}")
    assert (batch["name"], batch["count"]) == ("many of a template", 2)


def test_a_sheet_gives_the_inputs_of_a_template_in_cwl(alice: Visitor) -> None:
    document = (ROOT / "examples/cwl/assemble_annotate.cwl").read_text()
    stored = {"name": "sheet-cwl", "cwl": document}
    alice.product.ask("POST", "/templates", json=stored)
    shared = {"p.scientific_name": "Escherichia coli"}
    values = fill(alice, "/new/template?template=sheet-cwl", name="many of CWL", **shared)
    page = read_form(press(alice, "/new/sheet", "", values).text).values
    table = "sample,accession\nA,SRR1\nB,nonsense\n"
    chosen = {"column.1": "accession", "fills.1": "inputs.runs"}

    faulty = read_form(press(alice, "/new/sheet", "check", {**page, "table": table, **chosen}).text)
    mended = {**faulty.values, "cell.1.1": "SRR2"}
    started = press(alice, "/new/sheet", "start", mended)

    assert faulty.invalid == {"cell.1.1"}
    assert started.status_code == 303, started.text
    batch = alice.product.ask("GET", f"/batches/{started.headers['Location'].rpartition('/')[2]}")
    assert (batch["name"], batch["count"]) == ("many of CWL", 2)
    assert batch["template"] == {"name": "sheet-cwl", "version": 1}
