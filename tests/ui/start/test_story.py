"""A biologist's whole day in a real browser: thirty samples, three errors, one failure, a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.product import UI_GROUP, Product
from tests.ui.conftest import PATIENCE, open_window
from tests.ui.test_browser import PHONE

pytestmark = [UI_GROUP, pytest.mark.browser]
ROWS = [f"S{number:02},SRR{number:07}" for number in range(1, 31)]
FAULTY = {3: "S04,SAMN123?", 10: "S11,", 20: "S02,SRR0000021"}
"""Positions of rows to what is wrong there: no accession, no reads, a name that another row has."""
WHY = "not enough reads of S07"


def sheet() -> FilePayload:
    rows = [FAULTY.get(place, row) for place, row in enumerate(ROWS)]
    text = "\n".join(["sample,accession", *rows])
    return {"name": "samples.csv", "mimeType": "text/csv", "buffer": text.encode()}


def sign_in(page: Page, product: Product, user: str) -> None:
    page.goto(f"{product.url}/ui/new")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill("simulated")
    page.get_by_label("Password").press("Enter")


def read_results(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download the results").click()
    text = Path(begun.value.path()).read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_thirty_samples_from_the_sheet_to_the_table_of_results(
    browser: Browser, product: Product, device: dict[str, Any]
) -> None:
    user = "ida" if device else "hana"
    product.simulator.app("*", user=f"{user}@bvbrc", run_seconds=0)
    product.simulator.app(
        "GenomeAssembly2", user=f"{user}@bvbrc", output_file="S07", count=1, run_seconds=0,
        outcome="failed", stderr=WHY,
    )  # fmt: skip
    page = open_window(browser, **(device or {"viewport": {"width": 1200, "height": 720}}))

    # With a password to the template, and from there to a sheet.
    sign_in(page, product, user)
    page.get_by_role("link", name="Assembly and annotation").press("Enter")
    page.get_by_label("Name of the workflow").fill("thirty isolates")
    page.get_by_label("Organism").fill("Escherichia coli")
    page.get_by_role("button", name="Many samples").press("Enter")
    page.wait_for_url("**/new/sheet")
    page.get_by_label("A file").set_input_files(sheet())

    # The three errors are in their cells, and mended there.
    expect(page.locator("#sheet [aria-invalid]")).to_have_count(3, timeout=PATIENCE)
    page.evaluate("window.loadedOnce = true")
    page.get_by_label("accession, row 5").fill("SRR0000004")
    page.get_by_label("accession, row 12").fill("SRR0000011")
    page.get_by_label("sample, row 22").fill("S21")
    start = page.get_by_role("button", name="Start 30 workflows")
    expect(start).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#outcome")).to_contain_text("60 jobs at BV-BRC")
    assert page.evaluate("window.loadedOnce") is True
    assert not is_too_wide(page)
    start.press("Enter")

    # It is watched to its end without a reload; one sample fails.
    expect(page.get_by_role("heading", name="thirty isolates")).to_be_visible(timeout=PATIENCE)
    page.evaluate("window.loadedOnce = true")
    expect(page.locator("#batch")).to_contain_text("30 of 30 samples ended", timeout=PATIENCE)
    expect(page.locator("#batch .badge").first).to_have_text("failed")
    assert page.evaluate("window.loadedOnce") is True
    assert not is_too_wide(page)
    batch = page.url
    assert [row["sample"] for row in read_results(page) if row["status"] != "succeeded"] == ["S07"]

    # Why, in the words of the job; then it is retried.
    page.get_by_role("link", name="S07").press("Enter")
    page.get_by_role("link", name="Steps", exact=True).press("Enter")
    page.get_by_role("link", name="assemble", exact=True).first.press("Enter")
    expect(page.locator("#step")).to_contain_text(WHY)
    page.get_by_role("link", name="Retry").press("Enter")
    page.get_by_role("button", name="Retry").press("Enter")
    question = page.get_by_role("heading", name="Take this workflow up again?")
    expect(question).to_have_count(0, timeout=PATIENCE)

    # All samples have succeeded, and the table has what they made.
    page.goto(batch)
    expect(page.locator("#batch .badge").first).to_have_text("succeeded", timeout=PATIENCE)
    rows = read_results(page)
    assert [row["sample"] for row in rows] == [f"S{number:02}" for number in range(1, 31)]
    assert {row["status"] for row in rows} == {"succeeded"}
    assert all(row["annotate.genome"].endswith(f"/{row['sample']}.genome") for row in rows)
    page.context.close()


def is_too_wide(page: Page) -> bool:
    """Whether people must scroll aside."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
