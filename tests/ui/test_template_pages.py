"""The pages of templates: what they show, and to whom."""

from __future__ import annotations

from typing import Any

from tests.product import ALICE, BOB, UI_GROUP, Product
from tests.ui.conftest import Visitor

pytestmark = UI_GROUP


def store(product: Product, name: str) -> None:
    params: dict[str, Any] = {
        "output_path": "${workspace_output_folder}",
        "output_file": "${inputs.file}",
    }
    document = {
        "name": name,
        "title": "<dates>",
        "workflow": {"steps": [{"step_name": "first", "app": "Date", "params": params}]},
        "inputs": {"properties": {"file": {"title": "A file", "description": "Its name."}}},
    }
    product.ask("POST", "/templates", ALICE, json=document)


def test_templates_are_listed_found_and_shown(product: Product, visitor: Visitor) -> None:
    store(product, "page-dates")
    body = {"inputs": {"file": "x"}, "workspace_output_folder": f"/{ALICE}/home/pages"}
    sent = product.ask("POST", "/templates/page-dates@1/submit", ALICE, json=body)

    assert visitor.get("/templates").status_code == 303
    visitor.sign_in()
    listed = visitor.get("/templates").text
    found = visitor.get("/templates?query=PRIMERS").text
    shown = visitor.get("/templates/page-dates").text
    built_in = visitor.get("/templates/metagenome@1").text
    workflow = visitor.get(f"/workflows/{sent['workflow_id']}/").text
    made = visitor.get("/?template=page-dates").text

    assert "&lt;dates&gt;" in listed
    assert "Outbreak tree" in listed
    assert "Primer design" in found
    assert "Outbreak tree" not in found
    assert "A file" in shown
    assert "required" in shown
    assert "0 to 1" in built_in
    assert "page-dates@1" in workflow
    assert sent["workflow_id"] in made
    assert sent["workflow_id"] not in visitor.get("/?template=page-dates@2").text
    visitor.sign_in(BOB)
    assert visitor.get("/templates/page-dates").status_code == 404
    assert "page-dates" not in visitor.get("/templates").text
