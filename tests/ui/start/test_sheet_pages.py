"""Batches are started from pages without a script: a sheet is mended in its table, and started."""

from __future__ import annotations

import pytest

from devstack.processes import wait_until
from tests.product import UI_GROUP
from tests.ui.conftest import Visitor
from tests.ui.start.forms import read_form
from tests.ui.start.test_start_pages import fill, press

pytestmark = UI_GROUP
SHEET = "sample,run\nA,SRR1\nB,nonsense\nC,SRR3\n"


def from_form(visitor: Visitor, name: str) -> dict[str, str]:
    """The page of a sheet, as the button of an app's form opens it."""
    values = fill(
        visitor, "/new/app?app=GenomeAssembly2", name=name, **{"p.output_file": "asm"}
    )  # fmt: skip
    return read_form(press(visitor, "/new/sheet", "", values).text).values


def test_a_sheet_is_mended_in_its_table_and_started(alice: Visitor) -> None:
    values = from_form(alice, "mended")
    files = {"file": ("samples.csv", SHEET)}

    sent = {**values, "action": "start", "max_active": "2"}
    faulty = alice.post("/new/sheet", data=sent, files=files)
    found = read_form(faulty.text)
    mended = {**found.values, "cell.1.1": "SRR2"}
    checked = press(alice, "/new/sheet", "check", mended).text
    chosen = {**read_form(checked).values, "reuse": "mine"}
    started = press(alice, "/new/sheet", "start", chosen)
    again = press(alice, "/new/sheet", "start", chosen)

    assert faulty.status_code == 400
    assert found.invalid == {"cell.1.1"}
    assert found.values["fills.1"] == "steps[0].params.srr_ids"
    assert "3 workflows" in checked
    assert "/alice@bvbrc/home/Workflows/A/asm" in checked
    assert started.status_code == 303
    assert again.headers["Location"] == started.headers["Location"]
    batch = started.headers["Location"].rpartition("/")[2]
    shown = alice.product.ask("GET", f"/batches/{batch}")
    assert (shown["name"], shown["count"], shown["max_active"]) == ("mended", 3, 2)
    wait_until(
        lambda: alice.product.ask("GET", f"/batches/{batch}")["status"] == "succeeded", "it ends",
    )  # fmt: skip
    (first, *_) = alice.product.ask("GET", f"/batches/{batch}/workflows")["workflows"]
    assert alice.product.ask("GET", f"/workflows/{first['workflow_id']}")["reuse"] == "mine"


def test_every_row_with_the_same_problem_is_marked(alice: Visitor) -> None:
    rows = "".join(f"S{number},x y\n" for number in range(3))
    values = {**from_form(alice, "alike"), "table": f"sample,run\n{rows}"}

    found = read_form(press(alice, "/new/sheet", "check", values).text)

    assert found.invalid == {f"cell.{row}.1" for row in range(3)}
    assert "start" not in found.actions


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("sample,sample\na,b\n", "2 columns are named"),
        ("sample,run\n", "no rows"),
        ("PK\x03\x04xxxx", "workbook of a spreadsheet"),
        ('sample,run\n"a,b\n', "cannot be read"),
        ("sample,colour\nA,red\n", "samples"),
    ],
    ids=["columns", "no rows", "a workbook", "a quotation mark", "no input"],
)
def test_a_sheet_that_is_no_table_is_refused_with_reasons(
    alice: Visitor, table: str, said: str
) -> None:
    values = {**from_form(alice, "bad"), "table": table}

    answer = press(alice, "/new/sheet", "start", values)

    assert answer.status_code == 400
    assert said in answer.text


@pytest.mark.parametrize("workflow", ["", "{", "[]", '{"steps": [1]}', '{"steps": {"a": 1}}'])
def test_a_workflow_that_cannot_run_is_refused_with_reasons(alice: Visitor, workflow: str) -> None:
    values = {**from_form(alice, "bad"), "table": SHEET, "workflow": workflow}

    answer = press(alice, "/new/sheet", "start", values)

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert read_form(answer.text).values["workflow"] == workflow


def test_texts_of_a_sheet_are_no_markup(alice: Visitor) -> None:
    values = {**from_form(alice, "<b>"), "table": 'sample,"<b>x"\nA,"<i>""y"\n'}

    text = press(alice, "/new/sheet", "check", values).text

    assert "<b>x" not in text
    assert "<i>" not in text
    assert read_form(text).values["cell.0.1"] == '<i>"y'
