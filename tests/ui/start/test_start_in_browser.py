"""Starting work in a real browser: problems while typing, groups without a reload, by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests.product import GROUP, Product
from tests.ui.test_browser import PATIENCE, Look

pytestmark = [GROUP, pytest.mark.browser]


def test_a_form_says_what_is_wrong_while_it_is_filled_in(look: Look, product: Product) -> None:
    seen = look()
    page = seen.page
    page.get_by_role("link", name="New …").click()
    page.get_by_label("Search").fill("assembly2")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Assembl").first.click()
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


def test_thirty_samples_are_mended_started_and_watched(browser: Browser, product: Product) -> None:
    """As a biologist: with a password, a sheet with three errors, and nothing written by hand."""
    rows = [f"S{number:02},SRR{number:07}" for number in range(1, 31)]
    rows[3], rows[10], rows[20] = "S04,SAMN123?", "S11,", "S02,SRR0000021"
    page = browser.new_page(viewport={"width": 1200, "height": 720})
    page.goto(f"{product.url}/ui/new/app?app=GenomeAssembly2")
    page.get_by_label("User name").fill("hana")
    page.get_by_label("Password").fill("simulated")
    page.get_by_role("button", name="Sign in").click()

    page.get_by_label("Name of the workflow").fill("thirty samples")
    page.get_by_label("Name of the results").fill("asm")
    page.get_by_role("button", name="Many samples").click()
    sheet = "\n".join(["sample,run", *rows]).encode()
    file: FilePayload = {"name": "samples.csv", "mimeType": "text/csv", "buffer": sheet}
    page.get_by_label("A file").set_input_files(file)
    expect(page.locator("#sheet [aria-invalid]")).to_have_count(3, timeout=PATIENCE)
    page.evaluate("window.loadedOnce = true")
    page.get_by_label("run, row 5").fill("SRR0000004")
    page.get_by_label("run, row 12").fill("SRR0000011")
    expect(page.locator("#sheet [aria-invalid]")).to_have_count(1, timeout=PATIENCE)
    page.get_by_label("sample, row 22").fill("S21")
    start = page.get_by_role("button", name="Start 30 workflows")
    expect(start).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("window.loadedOnce") is True
    start.click()

    expect(page.get_by_role("heading", name="thirty samples")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#batch .badge").first).to_have_text("succeeded", timeout=PATIENCE)
    expect(page.locator("#batch")).to_contain_text("30 of 30 samples ended")
    page.close()


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
