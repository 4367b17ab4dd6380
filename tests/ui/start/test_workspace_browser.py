"""Paths are picked from the user's own Workspace, as far as it can be listed."""

from __future__ import annotations

import pytest

from tests.product import UI_GROUP
from tests.ui.conftest import Visitor
from tests.ui.start.forms import read_form
from tests.ui.start.test_start_pages import fill, press

pytestmark = UI_GROUP
ANNOTATION = "/new/app?app=GenomeAnnotation"
DORA = "dora@bvbrc"
HOME = f"/{DORA}/home"


@pytest.fixture
def dora(visitor: Visitor) -> Visitor:
    visitor.sign_in(DORA)
    simulator, token = visitor.product.simulator, visitor.product.token(DORA)
    objects = [
        [f"{HOME}/{path}", kind, {}, "x"]
        for path, kind in (
            ("reads/a <b>.fastq", "reads"),
            ("contigs.fasta", "contigs"),
            ("asm", "job_result"),
            (".asm/asm_contigs.fasta", "contigs"),
        )
    ]
    for each in objects:
        simulator.rpc(token, "Workspace.create", {"objects": [each], "overwrite": 1})
    return visitor


def test_a_path_is_found_and_taken(dora: Visitor) -> None:
    values = fill(dora, ANNOTATION, **{"p.scientific_name": "E. coli"})

    home = read_form(press(dora, "/new/app", "browse:p.contigs", values).text)
    results = read_form(press(dora, "/new/app", f"open:{HOME}/.asm", home.values).text)
    path = f"{HOME}/.asm/asm_contigs.fasta"
    taken = read_form(press(dora, "/new/app", f"take:{path}", results.values).text)

    assert f"open:{HOME}/reads" in home.actions
    assert f"open:{HOME}/.asm" in home.actions
    assert f"take:{HOME}/contigs.fasta" in home.actions
    assert f"take:{path}" in results.actions
    assert taken.values["p.contigs"] == path
    assert taken.values["p.scientific_name"] == "E. coli"
    assert "browse_field" not in taken.values


def test_a_folder_is_searched_and_names_are_no_markup(dora: Visitor) -> None:
    values = fill(dora, ANNOTATION, browse_field="p.contigs", browse_folder=f"{HOME}/reads")

    found = press(dora, "/new/app", "search", {**values, "browse_search": "A <"}).text
    none = press(dora, "/new/app", "search", {**values, "browse_search": "qq"}).text

    assert "a &lt;b&gt;.fastq" in found
    assert "a <b>" not in found
    assert "No name matches" in none


def test_a_folder_for_results_is_taken(dora: Visitor) -> None:
    values = fill(dora, ANNOTATION, folder=f"{HOME}/reads/x")

    page = read_form(press(dora, "/new/app", "browse:folder", values).text)
    taken = read_form(press(dora, "/new/app", f"take:{HOME}/reads", page.values).text)

    assert f"take:{HOME}/reads" in page.actions
    assert not [action for action in page.actions if "fastq" in action]
    assert taken.values["folder"] == f"{HOME}/reads"


@pytest.mark.parametrize("place", ["/alice@bvbrc/home", f"/{DORA}x/home", f"/{DORA}/../x", "home"])
def test_no_other_place_is_listed(dora: Visitor, place: str) -> None:
    before = len(listings(dora))
    values = fill(dora, ANNOTATION, browse_field="p.contigs")

    page = press(dora, "/new/app", f"open:{place}", values).text

    assert "no folder of your Workspace" in page
    assert len(listings(dora)) == before


def listings(dora: Visitor) -> list[object]:
    """Her own: the engine lists the folders of other users' jobs meanwhile."""
    return list(dora.product.simulator.calls(method="Workspace.ls", user=DORA))


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "hang", "seconds": 60}]
)
def test_a_workspace_that_does_not_answer_is_told_of(
    dora: Visitor, fault: dict[str, object]
) -> None:
    dora.product.simulator.fault(method="Workspace.ls", **fault)  # type: ignore[arg-type]
    values = fill(dora, ANNOTATION, **{"p.scientific_name": "E. coli"})

    answer = press(dora, "/new/app", "browse:p.contigs", values)

    assert answer.status_code == 200
    assert "does not list this folder now" in answer.text
    assert read_form(answer.text).values["p.scientific_name"] == "E. coli"
