"""The biologist's tutorial, followed in a browser with the words and values that it prints."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.product import UI_GROUP, Product
from tests.shared import ROOT
from tests.ui.conftest import PATIENCE, open_window

pytestmark = [UI_GROUP, pytest.mark.browser]
TEXT = (ROOT / "docs/tutorial/biologist.md").read_text(encoding="utf-8")
FIELDS = dict(re.findall(r"\*\*([^*]+)\*\*:[^`*\n]*`([^`]+)`", TEXT))
"""What the page says to type, by the label of the control."""


def bold(words: str) -> str:
    """The words of a button or heading; the tutorial names them."""
    assert f"**{words}**" in TEXT
    return words


def test_the_first_workflow_on_a_page_succeeds(browser: Browser, product: Product) -> None:
    page = open_window(browser, viewport={"width": 1200, "height": 900})
    page.goto(product.url)
    page.get_by_label("User name").fill("newcomer")
    page.get_by_label("Password").fill("simulated")
    page.get_by_role("button", name=bold("Sign in")).click()

    page.get_by_role("link", name=bold("New …")).first.click()
    page.get_by_label(bold("Search")).fill("assembly")
    page.get_by_role("button", name=bold("Find")).click()
    page.get_by_role("link", name=bold("Assembly and annotation"), exact=True).click()
    page.wait_for_load_state("load")  # what is typed before its script runs is not checked
    run = re.search(r"\*\*(Add: [^*]+)\*\*, and type `(\w+)`", TEXT)
    assert run
    for label, value in FIELDS.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name=run[1]).click()
    page.get_by_role("textbox", name=run[1].removeprefix("Add: ")).fill(run[2])
    assert bold("Check")  # for browsers without scripts
    expect(page.get_by_role("heading", name=bold("What will happen"))).to_be_visible()
    expect(page.locator("#outcome")).to_contain_text("2 steps", timeout=PATIENCE)
    page.get_by_role("button", name=bold("Start")).click()

    expect(page.get_by_role("heading", name=FIELDS["Name of the workflow"])).to_be_visible()
    expect(page.get_by_role("link", name=bold("Waiting"))).to_be_visible()
    expect(page.get_by_role("link", name=bold("Timeline"))).to_be_visible()
    badge = page.locator("#head > .line .badge")
    expect(badge).to_have_text(bold("succeeded"), timeout=PATIENCE)
    outputs = page.locator("section", has=page.get_by_role("heading", name=bold("Outputs")))
    expect(outputs).to_contain_text(f"{FIELDS['Name of the sample']}_contigs.fasta")
    expect(outputs).to_contain_text(f"{FIELDS['Name of the sample']}.genome")
    page.get_by_role("link", name=bold("Results"), exact=True).click()
    expect(page.locator("main")).to_contain_text(f"{FIELDS['Name of the sample']}.genome")
    page.context.close()
