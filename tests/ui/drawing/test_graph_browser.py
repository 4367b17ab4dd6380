"""The graph in a real browser: texts in their boxes, moved and made larger, steps found, boxes that
open, and workflows of thousands of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.cwl.planning import EXAMPLES
from tests.product import UI_GROUP, Product
from tests.ui import scenes
from tests.ui.conftest import PATIENCE, Seen
from tests.ui.shots import ELSEWHERE, shoot

pytestmark = [UI_GROUP, pytest.mark.browser]
Look = Callable[..., Seen]
FONTS = ("DejaVu Sans", "Liberation Sans", "serif", "monospace")
OVERFLOWING = """font => {
  document.body.style.fontFamily = font;
  const out = [];
  for (const link of document.querySelectorAll("#graph a")) {
    const box = link.querySelector('use[href="#box"]').getBoundingClientRect();
    for (const text of link.querySelectorAll("text")) {
      const own = text.getBoundingClientRect();
      if (own.right > box.right || own.bottom > box.bottom + 1) out.push(text.textContent);
    }
  }
  return out;
}"""
MISMATCH = {"runOnly": ["label-content-name-mismatch"],
            "rules": {"label-content-name-mismatch": {"enabled": True}}}  # fmt: skip
SCALE = "graph => graph.getBoundingClientRect().width / graph.viewBox.baseVal.width"


@pytest.fixture(scope="module")
def pictures(running_product: Product) -> Iterator[dict[str, str]]:
    """Plans by name: of 202 steps, of 1,002, of 9,998, of 26 with odd names, and a scatter."""
    product = running_product
    product.simulator.clear_rules()

    def plan(document: dict[str, Any]) -> str:
        answer = product.ask("POST", "/workflows/plan", scenes.MARIA, json=document, timeout=120)
        return str(answer["workflow_id"])

    names = [letter * 14 + "WWWW@@" for letter in "abcdefghijklmnopqrstuvwxyz"]
    odd = scenes.workflow("Wide names", *(scenes.step(name, "ComprehensiveGenomeAnalysis",
        srr_ids=["SRR5121082"], input_type="reads", scientific_name="L", taxonomy_id=1639, code=11,
        domain="Bacteria", recipe="auto") for name in names))  # fmt: skip
    made = {
        "many": plan(scenes.samples(50, "Fifty samples")),
        "thousand": plan(scenes.samples(250, "250 samples")),
        "ten thousand": plan(scenes.samples(2_499, "2,499 samples")),
        "odd": plan(odd),
    }
    yield made
    for workflow in made.values():
        product.ask("DELETE", f"/workflows/{workflow}", scenes.MARIA)


@pytest.mark.parametrize("name", ["many", "odd", "thousand"])
def test_every_text_is_inside_its_box_in_the_fonts_of_a_plain_linux(
    look: Look, pictures: dict[str, str], name: str
) -> None:
    seen = look(scenes.MARIA)
    seen.open(f"/workflows/{pictures[name]}/")

    assert {font: seen.page.evaluate(OVERFLOWING, font) for font in FONTS} == {
        font: [] for font in FONTS
    }


@pytest.mark.parametrize("name", ["many", "odd", "thousand"])
def test_what_a_box_shows_is_in_what_it_is_called(
    look: Look, pictures: dict[str, str], name: str
) -> None:
    seen = look(scenes.MARIA)
    seen.open(f"/workflows/{pictures[name]}/")
    seen.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())

    found = seen.page.evaluate("options => axe.run(options)", MISMATCH)

    assert [node["html"] for each in found["violations"] for node in each["nodes"]] == []
    assert any("#graph" in node["target"][0] or "a" in node["target"][0]
               for each in found["passes"] for node in each["nodes"])  # fmt: skip


def test_the_graph_is_dragged_and_no_step_is_opened_by_that(
    look: Look, pictures: dict[str, str]
) -> None:
    page = open_graph(look, pictures["many"])
    paper = page.locator(".paper")
    for _ in range(3):
        page.get_by_role("button", name="Larger").click()
    box = page.locator("#graph a").nth(30)
    box.scroll_into_view_if_needed()
    x, y = middle(box)
    left, top = paper.evaluate("paper => [paper.scrollLeft, paper.scrollTop]")

    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y - 40, steps=5)
    page.mouse.up()

    moved = paper.evaluate("paper => [paper.scrollLeft, paper.scrollTop]")
    assert moved == [left + 60, top + 40]
    expect(page.locator("#graph")).to_be_visible()
    box.click()
    expect(page.locator("#graph")).to_have_count(0)


def test_wheel_keys_and_two_fingers_make_it_larger_where_they_are(
    look: Look, pictures: dict[str, str]
) -> None:
    page = open_graph(look, pictures["many"], has_touch=True)
    graph = page.locator("#graph")
    box = page.locator("#graph a").nth(20)
    x, y = middle(box)
    before = graph.evaluate(SCALE)

    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    by_wheel = grown(page, before)
    page.locator(".paper").press("+")
    by_key = grown(page, by_wheel)
    pinch(page, x, y)

    grown(page, by_key)
    page.locator(".paper").press("0")
    fits = "document.querySelector('.paper').scrollWidth"
    page.wait_for_function(f"{fits} <= document.querySelector('.paper').clientWidth + 1")


def test_a_point_under_the_wheel_stays_where_it_is(look: Look, pictures: dict[str, str]) -> None:
    page = open_graph(look, pictures["many"])
    page.locator(".paper").evaluate("paper => paper.scrollTo(400, 500)")
    box = page.locator("#graph a").nth(60)
    box.scroll_into_view_if_needed()
    x, y = middle(box)
    before = page.locator("#graph").evaluate(SCALE)

    page.mouse.move(x, y)
    page.mouse.wheel(0, -250)

    page.wait_for_function(
        f"before => ({SCALE})(document.getElementById('graph')) > 1.2 * before",
        arg=before,
        timeout=PATIENCE,
    )
    now_x, now_y = middle(box)
    assert abs(now_x - x) < 12
    assert abs(now_y - y) < 12


def test_zoom_stays_through_a_live_refresh(look: Look, pictures: dict[str, str]) -> None:
    page = open_graph(look, pictures["many"])
    first = page.locator("#graph").evaluate(SCALE)
    page.get_by_role("button", name="Larger").click()
    before = page.locator("#graph").evaluate(SCALE)
    assert before > first

    page.evaluate("refresh()")
    page.wait_for_function("!busy")

    assert page.locator("#graph").evaluate(SCALE) == before


def test_a_step_is_found_by_a_part_of_its_name(look: Look, pictures: dict[str, str]) -> None:
    page = open_graph(look, pictures["many"])
    search = page.get_by_label("A part of a step's name")

    search.fill("SAMPLE44-assem")
    search.press("Enter")

    found = page.locator("#graph [data-own-found]")
    expect(found).to_have_count(1)
    expect(found).to_have_attribute("aria-label", "sample44-assemble, GenomeAssembly2, pending")
    expect(found).to_be_in_viewport()
    search.fill("sample4")
    search.press("Enter")
    search.press("Enter")
    expect(page.locator("#announce")).to_contain_text("sample4")


def test_a_step_that_shares_a_box_is_found_among_all(look: Look, pictures: dict[str, str]) -> None:
    page = open_graph(look, pictures["ten thousand"])

    page.get_by_label("A part of a step's name").fill("sample1234-")
    page.get_by_role("button", name="Find").click()

    expect(page.locator("#steps tbody tr")).to_have_count(4)


def test_the_next_failed_step_is_shown_again_and_again(look: Look, product: Product) -> None:
    product.simulator.app("*", output_file="sample0[135]-assemble", run_seconds=3600)
    product.simulator.app("*", output_file="sample0[24]-quality", outcome="failed", run_seconds=0)
    workflow = product.submit(scenes.samples(5, "Two fail"), scenes.MARIA)
    page = open_graph(look, workflow)
    expect(page.locator("#graph a.failed")).to_have_count(2, timeout=PATIENCE)
    page.reload()

    labels = []
    for _ in range(3):
        page.get_by_role("link", name="Next failed").click()
        labels.append(page.locator("#graph [data-own-found]").get_attribute("aria-label") or "")
        assert page.evaluate("document.activeElement.hasAttribute('data-own-found')")

    assert labels[0] == labels[2] != labels[1]
    assert all("failed" in label for label in labels)
    product.ask("POST", f"/workflows/{workflow}/cancel", scenes.MARIA)


@pytest.mark.parametrize(("name", "count"), [("thousand", 1_002), ("ten thousand", 9_998)])
def test_thousands_of_steps_are_an_overview_of_groups_with_names(
    look: Look, pictures: dict[str, str], name: str, count: int
) -> None:
    seen = look(scenes.MARIA)

    size = seen.open(f"/workflows/{pictures[name]}/")

    page = seen.page
    assert size < 71_000
    expect(page.locator("#graph a")).to_have_count(6)
    expect(page.get_by_text(f"{count} steps in 6 boxes")).to_be_visible()
    group = page.get_by_role("link", name="sample…-assemble")
    if count == 9_998:
        assert {shoot(page, "graph-ten-thousand")} == ELSEWHERE
    group.click()
    expect(page.get_by_role("heading", name="Steps of one group")).to_be_visible()


def test_a_scatter_is_a_box_that_opens(look: Look, product: Product) -> None:
    product.simulator.app("*", run_seconds=0)
    body = {
        "workflow": "scatter_annotate.cwl",
        "files": {
            name: (EXAMPLES / name).read_text() for name in ("scatter_annotate.cwl", "bins.cwl")
        },
        "inputs": {"contigs": [], "runs": ["SRR1", "SRR2"], "scientific_name": "E"},
    }
    workflow = product.ask("POST", "/workflows/submit-cwl", json=body)["workflow_id"]
    assert product.ends(workflow) == "succeeded"
    seen = look()
    seen.open(f"/workflows/{workflow}/")
    page = seen.page

    page.locator("#graph").get_by_role("link", name="annotate ").click()

    expect(page.locator(".bar .trail")).to_have_text("All › annotate")
    expect(page.locator("#graph a")).not_to_have_count(0)
    labels = page.locator("#graph a").evaluate_all("all => all.map(a => a.ariaLabel)")
    assert all(label.startswith("annotate__") for label in labels)
    page.get_by_role("link", name="All", exact=True).click()
    expect(page.locator("#graph").get_by_role("link", name="annotate ")).to_be_visible()


def test_forced_colours_show_the_current_tab_and_the_boxes(
    look: Look, pictures: dict[str, str]
) -> None:
    seen = look(scenes.MARIA, forced_colors="active")
    seen.open(f"/workflows/{pictures['many']}/")
    page = seen.page
    background = "tab => getComputedStyle(tab).backgroundColor"
    fill = "use => getComputedStyle(use).fill"

    current = page.locator(".tabs a[aria-current]").evaluate(background)
    others = page.locator(".tabs a:not([aria-current])").evaluate_all(
        f"tabs => tabs.map({background})"
    )

    assert current not in others
    text = page.locator("#graph text").first.evaluate(fill)
    assert page.locator('#graph use[href="#box"]').first.evaluate(fill) != text


def open_graph(look: Look, workflow: str, **options: Any) -> Page:
    seen = look(scenes.MARIA, **options)
    seen.open(f"/workflows/{workflow}/")
    return seen.page


def grown(page: Page, before: float) -> float:
    """The scale of the graph once it is larger: what the mouse and fingers do takes a moment."""
    page.wait_for_function(
        f"before => ({SCALE})(document.getElementById('graph')) > before", arg=before
    )
    return float(page.locator("#graph").evaluate(SCALE))


def middle(box: Locator) -> tuple[float, float]:
    found = box.bounding_box()
    assert found is not None
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def pinch(page: Page, x: float, y: float) -> None:
    """Two fingers that go apart."""
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 30), ("touchMove", 45), ("touchMove", 70)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
