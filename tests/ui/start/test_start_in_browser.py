"""Starting work in a real browser: problems while typing, groups without a reload, by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, expect

from tests.engine.batches import TEMPLATE
from tests.product import UI_GROUP, Product
from tests.ui.conftest import PATIENCE
from tests.ui.test_browser import Look

pytestmark = [UI_GROUP, pytest.mark.browser]


def test_a_form_says_what_is_wrong_while_it_is_filled_in(look: Look, product: Product) -> None:
    seen = look()
    page = seen.page
    page.get_by_role("link", name="New …").click()
    page.get_by_label("Search").fill("assembly2")
    page.get_by_label("Search").press("Enter")
    expect(page).to_have_url(re.compile("query=assembly2"))
    page.get_by_role("link", name="Assembl").first.click()
    page.wait_for_load_state("load")  # what is typed before its script runs is not checked
    page.evaluate("window.loadedOnce = true")

    page.get_by_label("Name of the workflow").fill("typed")
    results = page.get_by_label("Name of the results")
    results.fill("a/b")
    problem = page.locator("#note-p-output_file .wrong")
    expect(problem).to_be_visible(timeout=PATIENCE)
    expect(results).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#announce")).to_have_text("2 problems")
    results.fill("asm")
    expect(problem).to_have_count(0, timeout=PATIENCE)

    page.get_by_role("button", name="Add an SRA run").press("Enter")
    expect(page.get_by_label("SRA run 1", exact=True)).to_be_focused(timeout=PATIENCE)
    page.keyboard.type("SRR1234567")
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#outcome")).to_contain_text("1 step")
    assert page.evaluate("window.loadedOnce") is True
    assert results.input_value() == "asm"
    start.click()

    expect(page.get_by_role("heading", name="typed")).to_be_visible(timeout=PATIENCE)
    assert product.ask("GET", "/workflows?name=typed")["workflows"]


def test_a_sheet_is_mended_and_started_without_a_script(look: Look, product: Product) -> None:
    page = look("jana@bvbrc", java_script_enabled=False).page
    page.goto(f"{product.url}/ui/new/template?template=assembly-annotation")
    page.get_by_label("Name of the workflow").fill("without a script")
    page.get_by_label("Organism").fill("Escherichia coli")
    page.get_by_role("button", name="Many samples").click()
    sheet = b"sample,accession\nA,SRR1\nB,nonsense\n"
    file: FilePayload = {"name": "samples.csv", "mimeType": "text/csv", "buffer": sheet}
    page.get_by_label("A file").set_input_files(file)
    page.get_by_role("button", name="Check").click()

    expect(page.locator("#sheet [aria-invalid]")).to_have_count(1)
    page.get_by_label("accession, row 3").fill("SRR2")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Start 2 workflows").click()

    expect(page.get_by_role("heading", name="without a script")).to_be_visible()
    expect(page.locator("#batch")).to_contain_text("of 2 samples ended")


def test_samples_are_added_to_a_batch_from_a_file(look: Look, product: Product) -> None:
    body = {"workflow": TEMPLATE, "samples": [{"sample": "S0"}], "name": "goes on"}
    batch = product.ask("POST", "/batches", "kira@bvbrc", json=body)["batch_id"]
    seen = look("kira@bvbrc")
    page, samples = seen.page, (b"sample\nS0\nS1\n", b"sample\nS1\n")
    seen.open(f"/batches/{batch}")

    def add(table: bytes) -> None:
        file: FilePayload = {"name": "more.csv", "mimeType": "text/csv", "buffer": table}
        page.get_by_label("A table of further samples").set_input_files(file)
        page.get_by_role("button", name="Add them").press("Enter")

    add(samples[0])
    expect(page.locator("#summary")).to_contain_text("named 'S0' already", timeout=PATIENCE)
    seen.errors.clear()  # the browser says of a 400 what it is
    add(samples[1])

    expect(page.locator("#batch")).to_contain_text("of 2 samples ended", timeout=PATIENCE)


def test_a_file_is_dropped_and_checked(look: Look) -> None:
    seen = look()
    seen.open("/new/document")
    page = seen.page

    page.get_by_label("A file").set_input_files(
        {"name": "w.json", "mimeType": "application/json", "buffer": b'{"workflow_name": "x"}'}
    )

    expect(page.locator("#summary li").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_label("JSON or CWL")).to_have_value('{"workflow_name": "x"}')
    assert page.url.endswith("/new/document")
