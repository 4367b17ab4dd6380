"""The pages in a real browser: live, by keyboard, on a phone, light and dark, without errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect

from devstack.processes import wait_until
from tests.product import ADMIN, UI_GROUP, Product, document
from tests.ui import scenes
from tests.ui.conftest import PATIENCE, Seen
from tests.ui.shots import ELSEWHERE, KEPT, SHOTS, shoot, shown

pytestmark = [UI_GROUP, pytest.mark.browser]
Look = Callable[..., Seen]
LARGEST_BYTES = 300_000
LARGE = {"graph-200-steps", "graph-500-steps", "timeline-200-steps"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}
BRANCHES = {"a": "", "b": "a", "c": "a", "d": "b c"}


def test_a_workflow_is_watched_to_its_end_without_reload(look: Look, product: Product) -> None:
    product.simulator.app("*", output_file="a", run_seconds=None)
    workflow = product.submit(document(BRANCHES, name="watched"))
    seen = look()
    seen.open(f"/workflows/{workflow}/")
    page = seen.page
    page.evaluate("window.loadedOnce = true")
    node = page.locator("#graph a", has_text="b").first
    node.evaluate("node => { node.loadedOnce = true; }")
    product.finish(workflow, "a")

    expect(page.locator("#head > .line .badge")).to_have_text("succeeded", timeout=PATIENCE)

    expect(page.locator("#graph a.succeeded")).to_have_count(4)
    expect(page.locator("#announce")).to_have_text("watched is succeeded, 4 of 4 steps ended")
    expect(page.get_by_role("link", name="Cancel")).to_have_count(0)
    assert page.evaluate("window.loadedOnce") is True
    assert node.evaluate("node => node.loadedOnce") is True
    wait_until(lambda: page.evaluate("source === null"), "the stream is closed", seconds=60)


def test_the_list_shows_new_workflows_and_their_states_by_itself(
    look: Look, product: Product
) -> None:
    page = look().page
    page.evaluate("window.loadedOnce = true")

    workflow = product.submit(document({"a": ""}, name="appears"))

    row = page.locator(f"#{workflow}")
    expect(row).to_contain_text("appears", timeout=PATIENCE)
    expect(row.locator(".badge")).to_have_text("succeeded", timeout=PATIENCE)
    assert page.evaluate("window.loadedOnce") is True


def test_a_workflow_is_cancelled_after_a_page_that_says_what_will_happen(
    look: Look, product: Product
) -> None:
    product.simulator.app("*", run_seconds=3600)
    workflow = product.submit(document(BRANCHES, name="to be cancelled"))
    product.reaches(workflow, "a", "running")
    seen = look()
    seen.open(f"/workflows/{workflow}/")

    seen.page.get_by_role("link", name="Cancel").click()
    question = seen.page.locator("main")
    expect(question).to_contain_text(re.compile(r"1 job will be killed at BV-BRC: a \(\d+\)"))
    expect(question).to_contain_text("3 steps will never start")
    assert product.state(workflow) == "running"
    seen.page.get_by_role("button", name="Cancel the workflow").click()

    expect(seen.page.locator("#head > .line .badge")).to_have_text("cancelled")
    assert product.state(workflow) == "cancelled"

    def is_killed() -> bool:
        jobs = product.simulator.jobs(user_metadata=f"{workflow}/*")
        return all(job["state"] != "running" for job in jobs)

    wait_until(is_killed, "the job is killed", seconds=60)


def test_a_keyboard_reaches_every_step_and_the_focus_stays(look: Look, product: Product) -> None:
    product.simulator.app("*", output_file="a", run_seconds=None)
    workflow = product.submit(document(BRANCHES, name="by keyboard"))
    seen = look()
    seen.open(f"/workflows/{workflow}/")
    page = seen.page

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#graph a").first.focus()
    page.keyboard.press("Tab")
    label = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(label).startswith("b Date, ")
    product.finish(workflow, "a")
    expect(page.locator("#graph a.succeeded")).to_have_count(4, timeout=PATIENCE)
    assert page.evaluate(label) == "b Date, succeeded"
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="b", exact=True)).to_be_visible()


def test_one_click_from_the_list_leads_to_the_reason_and_one_to_the_results(
    look: Look, product: Product
) -> None:
    oom = {"outcome": "failed", "cluster_status": "OUT_OF_MEMORY"}
    product.simulator.app("*", output_file="hungry", run_seconds=0, **oom)
    wanting = product.submit(document({"hungry": ""}, name="needs more memory"))
    made = document({"made": ""}, name="has results")
    made["steps"][0]["outputs"] = {"log": "${params.output_path}/.${params.output_file}/log.txt"}
    done = product.submit(made)
    assert (product.ends(wanting), product.ends(done)) == ("failed", "succeeded")
    seen = look()
    page, reason = seen.page, "Ran out of memory (1 GB asked, exit code 137): give it less data"

    expect(page.locator(f"#{wanting}")).to_contain_text(reason)
    page.get_by_role("link", name="needs more memory").click()
    expect(page.locator("#now")).to_contain_text(reason)
    seen.open("/")
    page.get_by_role("link", name="Results of has results").click()
    expect(page.get_by_role("link", name="made/log.txt")).to_be_visible()
    seen.open("/")
    page.get_by_role("link", name="has results", exact=True).click()
    link = page.get_by_role("link", name="made/log.txt")
    expect(link).to_have_attribute("href", re.compile("^https://www.bv-brc.org/workspace/"))


def test_pages_work_without_their_script(look: Look, product: Product) -> None:
    workflow = product.submit(document({"a": ""}, name="without a script"))
    product.ends(workflow)
    page = look(java_script_enabled=False).page

    page.get_by_role("link", name="without a script", exact=True).first.click()
    page.get_by_role("link", name="Timeline").click()
    page.get_by_role("link", name="a", exact=True).first.click()

    expect(page.get_by_role("heading", name="Attempt 1")).to_be_visible()


@pytest.fixture(scope="module")
def scenery(running_product: Product) -> Iterator[dict[str, str]]:
    """Names of scenes to the ids of their workflows: one runs, one failed, one has 202 steps of
    which BV-BRC runs as many as it runs for one user, one has 498."""
    product, simulator = running_product, running_product.simulator
    simulator.clear_rules()
    simulator.app("*", queue_seconds=1, run_seconds=1)
    simulator.app("GenomeAssembly2", queue_seconds=1, run_seconds=3)
    for kind in ("tree", "compare", "sample[345]?-assemble", "sample2?-annotate"):
        simulator.app("*", output_file=kind, run_seconds=3600)
    for name in ("sample07-annotate", "s12-annotate", "S03"):
        simulator.app("*", output_file=name, outcome="failed", run_seconds=1)

    def submit(document: dict[str, Any]) -> str:
        return product.submit(document, scenes.MARIA)

    short = [submit(scenes.short(name)) for name in ("Campylobacter control", "Reference")]
    found = {"running": submit(scenes.outbreak()), "failed": submit(scenes.broken())}
    product.reaches(found["running"], "tree", "running", seconds=120)
    product.reaches(found["running"], "compare", "running")
    found["batch"] = product.ask("POST", "/batches", scenes.MARIA, json=scenes.batch())["batch_id"]
    found["many"] = submit(scenes.samples(50, "Fifty samples"))
    planned = scenes.samples(124, "A hundred and twenty-four samples")
    answer = product.ask("POST", "/workflows/plan", scenes.MARIA, json=planned)
    found["most"] = answer["workflow_id"]
    assert [product.ends(each) for each in short] == ["succeeded", "succeeded"]
    found["done"] = short[0]
    assert product.ends(found["failed"]) == "failed"
    wait_until(
        lambda: product.ask("GET", f"/batches/{found['batch']}", scenes.MARIA)["failures"],
        "a sample fails", seconds=90, every_seconds=0.3,
    )  # fmt: skip
    wait_until(
        lambda: product.steps(found["many"])["sample07-compare"] == "upstream_failed",
        "the first samples are through", seconds=90, every_seconds=0.3,
    )  # fmt: skip
    yield found
    for name in ("running", "many"):
        product.ask("POST", f"/workflows/{found[name]}/cancel", scenes.MARIA)


def paths(scenery: dict[str, str]) -> dict[str, str]:
    """Names of pages to where they are."""
    running, failed = f"/workflows/{scenery['running']}", f"/workflows/{scenery['failed']}"
    return {
        "list": "/",
        "graph-running": f"{running}/",
        "graph-failed": f"{failed}/",
        "graph-200-steps": f"/workflows/{scenery['many']}/",
        "graph-500-steps": f"/workflows/{scenery['most']}/",
        "timeline": f"{failed}/timeline",
        "timeline-running": f"{running}/timeline",
        "timeline-200-steps": f"/workflows/{scenery['many']}/timeline",
        "steps": f"{failed}/steps",
        "step": f"{failed}/step?name=s12-annotate",
        "output": f"{running}/output?name=assemble",
        "waiting": f"{running}/waiting",
        "log": f"{failed}/log",
        "cancel": f"{running}/cancel",
        "retry": f"{failed}/retry",
        "sign-in": "/sign-in",
        "batches": "/batches",
        "batch": f"/batches/{scenery['batch']}",
        "templates": "/templates",
        "template": "/templates/assembly-annotation",
        "new": "/new",
        "new-document": "/new/document",
        "new-template": "/new/template?template=assembly-annotation",
        "new-app": "/new/app?app=GenomeAssembly2",
        "new-sheet": "/new/sheet",
        "again": f"/workflows/{scenery['failed']}/again",
        "results": f"/workflows/{scenery['done']}/results",
        "delete": f"{failed}/delete",
        "many": "/many/retry?status=failed",
        "save": f"/new/save?former={scenery['done']}",
        "webhooks": "/webhooks",
        "email": "/email",
        "holds": "/holds",
        "token": "/token",
    }


def test_every_page_is_small_and_painted(look: Look, scenery: dict[str, str]) -> None:
    seen = look(scenes.MARIA)
    lines = ["| page | bytes | first paint, ms |", "|---|---|---|"]

    for name, path in paths(scenery).items():
        size = seen.open(path)
        assert size < LARGEST_BYTES, f"{name}: {size} bytes"
        lines.append(f"| {name} | {size} | {seen.first_paint_milliseconds():.0f} |")

    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / "measured.md").write_text("\n".join([*lines, ""]))


@pytest.mark.parametrize(
    ("scheme", "rules"),
    [("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")],
    ids=["light", "dark"],
)
def test_nobody_is_kept_out(look: Look, scenery: dict[str, str], scheme: str, rules: str) -> None:
    source = (files("axe_playwright_python") / "axe.min.js").read_text()
    seen = look(scenes.MARIA, color_scheme=scheme)
    found = {}

    for name, path in paths(scenery).items():
        if name in LARGE and not (name == "graph-200-steps" and scheme == "light"):
            continue  # nothing is on it that is not on the small ones
        seen.open(path)
        seen.page.evaluate(source)
        violations = seen.page.evaluate(f"axe.run({rules})")["violations"]
        found |= {
            f"{name}: {each['id']}": [node["html"][:200] for node in each["nodes"][:3]]
            for each in violations
        }

    assert found == {}


def test_a_phone_needs_no_scrolling_aside(look: Look, scenery: dict[str, str]) -> None:
    seen = look(scenes.MARIA, **PHONE)

    for name, path in paths(scenery).items():
        seen.open(path)
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["viewport"]["width"], name


def test_the_overview_of_admins_keeps_nobody_out_and_fits_a_phone(look: Look) -> None:
    source = (files("axe_playwright_python") / "axe.min.js").read_text()
    seen = look(ADMIN, **PHONE)
    seen.open("/admin")

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(seen.page.get_by_role("columnheader", name="Last heartbeat")).to_be_visible()
    seen.page.evaluate(source)
    violations = seen.page.evaluate("axe.run({})")["violations"]
    assert [each["id"] for each in violations] == []


def test_times_name_the_zone_of_the_reader(look: Look, scenery: dict[str, str]) -> None:
    seen = look(scenes.MARIA, timezone_id="Asia/Kolkata", locale="en-GB")
    for path in (f"/workflows/{scenery['failed']}/", "/token"):
        seen.open(path)
        expect(seen.page.locator("main time").first).to_have_text(re.compile(r"GMT\+5:30$"))


def test_the_map_covers_no_step_on_a_phone(look: Look, scenery: dict[str, str]) -> None:
    seen = look(scenes.MARIA, **PHONE)
    seen.open(f"/workflows/{scenery['failed']}/")
    below = "map => map.getBoundingClientRect().top"
    end = "paper => paper.getBoundingClientRect().bottom"

    expect(seen.page.locator("#map")).to_be_visible()
    assert seen.page.locator("#map").evaluate(below) >= seen.page.locator(".paper").evaluate(end)


def test_a_large_graph_is_drawn_smaller_and_larger(look: Look, scenery: dict[str, str]) -> None:
    seen = look(scenes.MARIA)
    seen.open(f"/workflows/{scenery['many']}/")
    graph = seen.page.locator("#graph")
    width = "graph => graph.clientWidth"
    before = graph.evaluate(width)

    seen.page.get_by_role("button", name="Larger").click()
    larger = graph.evaluate(width)
    seen.page.get_by_role("button", name="Fit").click()

    assert larger > before
    assert graph.evaluate(width) <= seen.page.locator(".paper").evaluate(width)


def test_a_picture_is_taken_of_all_that_the_documents_show(
    look: Look, scenery: dict[str, str]
) -> None:
    where = paths(scenery)
    taken = set()
    wide = look(scenes.MARIA)
    for name in ("list", "graph-running", "graph-failed", "graph-200-steps", "timeline",
                 "step", "cancel", "new-app"):  # fmt: skip
        wide.open(where[name])
        taken.add(shoot(wide.page, name))
    dark = look(scenes.MARIA, color_scheme="dark")
    dark.open(where["graph-running"])
    taken.add(shoot(dark.page, "graph-dark"))
    phone = look(scenes.MARIA, **PHONE)
    for name in ("list", "graph-failed", "timeline"):
        phone.open(where[name])
        taken.add(shoot(phone.page, f"phone-{name}"))

    assert taken | ELSEWHERE == shown() == set(KEPT.glob("*.png"))
