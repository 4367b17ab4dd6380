"""Workflows are started from pages, without a script: over HTTP, as forms send it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.product import ALICE, BOB, UI_GROUP, document
from tests.ui.conftest import Visitor
from tests.ui.start.forms import read_form

pytestmark = UI_GROUP
ASSEMBLY = "/new/app?app=GenomeAssembly2"
CWL = """
cwlVersion: v1.2
class: Workflow
inputs: {file: string}
outputs: []
steps:
  today:
    run: {class: CommandLineTool, cwlVersion: v1.2, hints: [{class: "bv:App", app: Date}]}
"""


def press(visitor: Visitor, path: str, action: str, values: dict[str, str]) -> Any:
    """Sends a form by one of its buttons."""
    return visitor.post(path, data={**values, "action": action})


def fill(visitor: Visitor, path: str, **texts: str) -> dict[str, str]:
    """The controls of a page's form, some of them filled in."""
    return {**read_form(visitor.get(path).text).values, **texts}


def test_an_app_is_found_filled_in_and_started(alice: Visitor) -> None:
    assert "GenomeAssembly2" in alice.get("/new?query=assembly").text
    assert "No app matches" in alice.get("/new?query=qqqqq").text
    values = fill(alice, ASSEMBLY, name="by form", **{"p.output_file": "asm"})

    added = read_form(press(alice, "/new/app", "add:srr_ids", values).text)
    values = {**added.values, "p.srr_ids.0": "SRR1234567", "p.recipe": "unicycler"}
    checked = press(alice, "/new/app", "check", values).text
    started = press(alice, "/new/app", "start", values)
    again = press(alice, "/new/app", "start", values)

    assert "drop:srr_ids:0" in added.actions
    assert "What will happen" in checked
    assert "/alice@bvbrc/home/Workflows/asm" in checked
    assert started.status_code == 303
    assert again.headers["Location"] == started.headers["Location"]
    workflow = started.headers["Location"].split("/")[-2]
    stored = alice.product.ask("GET", f"/workflows/{workflow}")
    assert stored["workflow_name"] == "by form"
    assert stored["steps"][0]["params"] == {
        "srr_ids": ["SRR1234567"],
        "recipe": "unicycler",
        "output_file": "asm",
        "output_path": "${workspace_output_folder}",
    }


def test_problems_are_at_their_controls_and_nothing_is_started(alice: Visitor) -> None:
    values = fill(
        alice, ASSEMBLY, name="faulty",
        **{"p.output_file": "a/b", "p.genome_size": "<large>", "p.srr_ids.0": "!"},
    )  # fmt: skip

    answer = press(alice, "/new/app", "start", values)

    assert answer.status_code == 400
    found = read_form(answer.text)
    assert found.invalid == {"p.output_file", "p.genome_size", "p.srr_ids.0"}
    assert found.values["p.genome_size"] == "<large>"
    assert "start" not in found.actions
    assert 'aria-describedby="help-p-genome_size note-p-genome_size"' in answer.text
    listed = alice.product.ask("GET", "/workflows?name=faulty")
    assert listed["workflows"] == []


def test_a_choice_shows_the_inputs_that_belong_to_it(alice: Visitor) -> None:
    path = "/new/app?app=ComprehensiveGenomeAnalysis"
    page = press(alice, "/new/app", "update", fill(alice, path, **{"p.input_type": "contigs"})).text

    def is_hidden(name: str) -> bool:
        before = re.search(rf'<div class="field"( hidden)?>\s*<label for="{name}"', page)
        assert before
        return bool(before[1])

    assert not is_hidden("p-contigs")
    assert is_hidden("p-genbank_file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "paste a workflow"),
        ("{", "no JSON"),
        ("[]", "JSON object"),
        (json.dumps(document({"a": "b"})), "steps[0].depends_on"),
        ("cwlVersion: v1.2\nclass: Nonsense\n", "Nonsense"),
    ],
    ids=["nothing", "no JSON", "no object", "an unknown step", "faulty CWL"],
)
def test_a_document_that_cannot_run_is_refused_with_reasons(
    alice: Visitor, text: str, said: str
) -> None:
    values = fill(alice, "/new/document", document=text)

    answer = press(alice, "/new/document", "start", values)

    assert answer.status_code == 400
    assert said in answer.text
    assert read_form(answer.text).values["document"] == text


def test_a_pasted_document_and_a_file_are_started(alice: Visitor) -> None:
    pasted = fill(alice, "/new/document", document=json.dumps(document({"a": "", "b": "a"})))
    opened = fill(alice, "/new/document")
    files = {"file": ("w.json", json.dumps(document({"c": ""}, name="from a file")))}

    page = press(alice, "/new/document", "check", pasted).text
    first = press(alice, "/new/document", "start", pasted)
    second = alice.post("/new/document", data={**opened, "action": "start"}, files=files)

    assert "2 steps" in page
    assert "after a" in page
    assert first.status_code == second.status_code == 303
    workflow = second.headers["Location"].split("/")[-2]
    assert (
        alice.product.ask("GET", f"/workflows/{workflow}/status")["workflow_name"] == "from a file"
    )


def test_a_former_workflow_is_edited_and_run_again(alice: Visitor) -> None:
    params = {"srr_ids": ["SRR1"], "recipe": "auto", "output_path": "/alice@bvbrc/home/x",
              "output_file": "asm", "strange": [1]}  # fmt: skip
    one = document({"a": ""}, name="one step", labels={"batch": "x", "kind": "k"})
    one["steps"][0] |= {"app": "GenomeAssembly2", "params": params}
    form = alice.get(f"/workflows/{alice.product.submit(one)}/again").headers["Location"]
    several = alice.product.submit(document({"a": "", "b": "a"}, name="two steps"))
    text = alice.get(f"/workflows/{several}/again").headers["Location"]

    controls = read_form(alice.get(form.removeprefix("/ui")).text).values
    page = read_form(alice.get(text.removeprefix("/ui")).text)

    assert controls["name"] == "one step"
    assert controls["p.srr_ids.0"] == "SRR1"
    assert controls["p.output_path"] == "/alice@bvbrc/home/x"
    assert json.loads(controls["others"]) == {"strange": [1]}
    assert json.loads(page.values["document"])["workflow_name"] == "two steps"
    assert "Nothing yet." in alice.get(form.removeprefix("/ui")).text
    changed = press(alice, "/new/app", "check", {**controls, "p.srr_ids.0": "SRR2"}).text
    assert re.findall(r'class="(added|removed)">.*(SRR\d)', changed) == [
        ("removed", "SRR1"),
        ("added", "SRR2"),
    ]
    renamed = page.values["document"].replace("two steps", "renamed")
    differing = press(alice, "/new/document", "check", {**page.values, "document": renamed}).text
    assert re.search(r'class="added">.*renamed', differing)
    started = press(alice, "/new/app", "start", controls)
    assert started.status_code == 303
    alice.sign_in(BOB)
    assert alice.get(f"/workflows/{several}/again").status_code == 403
    assert alice.get(text.removeprefix("/ui")).status_code == 403


def test_forms_of_strangers_start_nothing(alice: Visitor) -> None:
    values = fill(alice, "/new/document", document=json.dumps(document({"a": ""}, name="forged")))

    answer = press(alice, "/new/document", "start", {**values, "secret": "guessed"})

    assert answer.status_code == 403
    assert alice.product.ask("GET", "/workflows?name=forged", ALICE)["workflows"] == []
