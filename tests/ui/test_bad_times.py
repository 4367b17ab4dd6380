"""Pages while the engine, a proxy or the session is gone: they stand, say so, and go on."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from devstack.processes import Process, free_port, listens, wait_until
from tests.product import ALICE, UI_GROUP, Product, document
from tests.ui.conftest import PATIENCE, Seen, Visitor

pytestmark = UI_GROUP
Look = Callable[..., Seen]


class _BadGateway(BaseHTTPRequestHandler):
    """What a proxy says whose server is gone."""

    def do_GET(self) -> None:  # http.server's name
        body = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
        self.send_response(HTTPStatus.BAD_GATEWAY)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def bad_gateway(port: int) -> Iterator[None]:
    # Children of a killed server may hold its socket for a moment longer than it lives.
    wait_until(lambda: not listens(port), "the port is free")
    with ThreadingHTTPServer(("127.0.0.1", port), _BadGateway) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def api(running_product: Product) -> Iterator[tuple[Process, int]]:
    """An API of the product's that a test may kill and start again."""
    port = free_port()
    command = ("gunicorn", "wsgi:app", "-b", f"127.0.0.1:{port}")
    process = running_product.stack.run("api-bad-times", *command)
    wait_until(lambda: answers(port), "it answers", process=process)
    yield process, port
    process.kill()


@pytest.fixture
def frail(product: Product, api: tuple[Process, int]) -> Iterator[Product]:
    """The product by way of that API, which runs at the beginning and at the end."""
    process, port = api
    stack = replace(product.stack, api_urls=[f"http://127.0.0.1:{port}"])
    yield Product(stack, product.tokens)
    if not process.alive:
        start(process, port)


def start(process: Process, port: int) -> None:
    process.start()
    wait_until(lambda: answers(port), "it answers again", process=process)


def answers(port: int) -> bool:
    """It listens before it has loaded, and what is asked then waits."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/api/v1/health/live", timeout=5).ok
    except requests.RequestException:
        return False


def open_at(seen: Seen, product: Product, path: str = "/") -> Page:
    """The page at another port of the product, for which the same cookie counts."""
    seen.product = product
    seen.open(path)
    return seen.page


def sign_in(page: Page, product: Product) -> None:
    page.get_by_label("BV-BRC token").fill(product.token())
    page.get_by_role("button", name="Use the token").click()


@pytest.mark.browser
def test_a_page_stands_through_an_outage_and_a_proxys_502_and_goes_on_by_itself(
    look: Look, product: Product, frail: Product, api: tuple[Process, int]
) -> None:
    process, port = api
    seen = look()
    page = open_at(seen, frail)
    page.evaluate("window.loadedOnce = true")
    expect(page.get_by_role("heading", name="Workflows")).to_be_visible()
    banner = page.locator("#trouble")

    process.kill()
    expect(banner).to_contain_text("The engine does not answer since", timeout=PATIENCE)
    with bad_gateway(port):
        page.get_by_role("link", name="Batches").click()
        expect(banner).to_contain_text("Then it opens what you clicked on")
        page.evaluate("wanted = ''")
        expect(page.get_by_role("heading", name="Workflows")).to_be_visible()
    workflow = product.submit(document({"a": ""}, name="during the outage"))
    start(process, port)

    expect(banner).to_be_hidden(timeout=PATIENCE)
    expect(page.locator(f"#{workflow}")).to_be_visible(timeout=PATIENCE)
    later = product.submit(document({"a": ""}, name="after the restart"))
    expect(page.locator(f"#{later} .badge")).to_have_text("succeeded", timeout=PATIENCE)
    assert page.evaluate("window.loadedOnce") is True
    seen.errors.clear()


@pytest.mark.browser
def test_a_workflow_that_ends_while_the_api_restarts_is_shown_as_ended(
    look: Look, product: Product, frail: Product, api: tuple[Process, int]
) -> None:
    process, port = api
    product.simulator.app("*", run_seconds=3)
    workflow = product.submit(document({"a": ""}, name="unseen end"))
    seen = look()
    page = open_at(seen, frail, f"/workflows/{workflow}/")
    page.evaluate("window.loadedOnce = true")

    process.kill()
    assert product.ends(workflow) == "succeeded"
    start(process, port)

    expect(page.locator("#head > .line .badge")).to_have_text("succeeded", timeout=PATIENCE)
    expect(page.locator("#trouble")).to_be_hidden(timeout=PATIENCE)
    assert page.evaluate("window.loadedOnce") is True
    seen.errors.clear()


@pytest.mark.browser
def test_an_answer_that_hung_for_minutes_does_not_delay_the_next_one_for_longer(
    look: Look,
) -> None:
    page = look().page

    assert page.evaluate("pauseAfter(10)") == 40
    assert page.evaluate("pauseAfter(180000)") == 10_000


@pytest.mark.browser
def test_an_action_during_an_outage_leaves_the_page_and_says_that_it_is_not_known(
    look: Look, product: Product, frail: Product, api: tuple[Process, int]
) -> None:
    process, port = api
    product.simulator.app("*", run_seconds=3600)
    workflow = product.submit(document({"a": "", "b": "a"}, name="not paused"))
    product.reaches(workflow, "a", "running")
    seen = look()
    page = open_at(seen, frail, f"/workflows/{workflow}/")
    process.kill()
    banner = page.locator("#trouble")
    expect(banner).to_be_visible(timeout=PATIENCE)  # it moves the button that is clicked

    page.get_by_role("button", name="Pause").click()

    doubt = "Whether “Pause” was done is not known"
    expect(banner).to_contain_text(doubt, timeout=PATIENCE)
    assert page.evaluate("tick() || document.getElementById('trouble').textContent").count(doubt)
    expect(page.get_by_role("heading", name="not paused")).to_be_visible()
    start(process, port)
    expect(banner).to_contain_text("The engine answers again. Whether", timeout=PATIENCE)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=PATIENCE)
    product.ask("POST", f"/workflows/{workflow}/cancel")
    seen.errors.clear()


@pytest.mark.browser
def test_after_signing_in_the_place_and_the_action_come_back(look: Look, product: Product) -> None:
    product.simulator.app("*", run_seconds=3600)
    workflow = product.submit(document({"a": "", "b": "a"}, name="signed out"))
    product.reaches(workflow, "a", "running")
    seen = look()
    page = seen.page
    seen.open(f"/workflows/{workflow}/steps?state=running")
    page.context.clear_cookies()

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("“Pause” has not been done.")).to_be_visible()
    sign_in(page, product)
    page.get_by_role("button", name="Do it now: pause").click()

    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    seen.open(f"/workflows/{workflow}/steps?state=running")
    page.context.clear_cookies()
    product.ask("POST", f"/workflows/{workflow}/resume")
    page.evaluate("plan()")
    page.get_by_role("link", name="Sign in again").click()
    sign_in(page, product)
    expect(page.get_by_role("heading", name="Steps: running")).to_be_visible()
    product.ask("POST", f"/workflows/{workflow}/cancel")
    seen.errors.clear()


@pytest.mark.browser
def test_a_sign_out_in_another_window_is_seen_at_once(look: Look, product: Product) -> None:
    product.simulator.app("*", run_seconds=3600)
    workflow = product.submit(document({"a": ""}, name="signed out elsewhere"))
    product.reaches(workflow, "a", "running")
    seen = look()
    seen.open(f"/workflows/{workflow}/")
    other = seen.page.context.new_page()
    other.goto(f"{product.url}/ui/")

    other.get_by_role("button", name="Sign out").click()
    expect(seen.page.locator("#trouble")).to_contain_text("You are signed out", timeout=PATIENCE)
    sign_in(other, product)

    expect(seen.page.locator("#trouble")).to_be_hidden(timeout=PATIENCE)
    product.ask("POST", f"/workflows/{workflow}/cancel")
    seen.errors.clear()


@pytest.mark.browser
def test_a_form_keeps_what_was_typed_when_its_session_ends(look: Look, product: Product) -> None:
    seen = look()
    page = seen.page
    seen.open("/new/app?app=GenomeAssembly2")
    results = page.get_by_label("Name of the results")
    page.context.clear_cookies()

    results.fill("a/b")
    link = page.get_by_role("link", name="Sign in again")
    expect(link).to_be_visible(timeout=PATIENCE)
    with page.context.expect_page() as opened:
        link.click()
    sign_in(opened.value, product)
    opened.value.locator("form[data-start]").wait_for()

    expect(page.locator("#trouble")).to_be_hidden(timeout=PATIENCE)
    expect(results).to_have_value("a/b")
    results.press("End")
    page.keyboard.type("c")
    expect(page.locator("#note-p-output_file .wrong")).to_be_visible(timeout=PATIENCE)
    seen.errors.clear()


def test_without_a_script_the_action_comes_back_too(visitor: Visitor, product: Product) -> None:
    product.simulator.app("*", run_seconds=3600)
    workflow = product.submit(document({"a": "", "b": "a"}))
    product.reaches(workflow, "a", "running")
    place = f"/ui/workflows/{workflow}/"

    asked = visitor.post(
        f"/workflows/{workflow}/pause",
        data={"secret": "old", "why": "<b>"},
        headers={"Referer": f"{product.url}{place}"},
    )
    assert asked.status_code == HTTPStatus.UNAUTHORIZED
    fields = _hidden(asked.text)
    question = visitor.post("/sign-in", data={"token": product.token(ALICE), **fields})
    assert product.ask("GET", f"/workflows/{workflow}/status").get("hold") is None
    sent = _hidden(question.text)
    done = visitor.post(f"/workflows/{workflow}/pause", data=sent)

    assert fields["next"] == place
    assert fields["pending"] == f"/ui/workflows/{workflow}/pause"
    assert sent["why"] == "<b>"
    assert done.headers["Location"] == place
    assert "Resume" in visitor.get(f"/workflows/{workflow}/").text
    product.ask("POST", f"/workflows/{workflow}/cancel")


@pytest.mark.parametrize("path", ["/api/v1/workflows/submit", "//evil.example/", "/ui/nothing"])
def test_the_sign_in_carries_no_form_to_another_place(
    visitor: Visitor, product: Product, path: str
) -> None:
    fields = {"token": product.token(), "pending": path, "pending.a": "b"}

    answer = visitor.post("/sign-in", data=fields)

    assert answer.headers["Location"] == "/ui/"


def test_another_sites_form_is_not_carried_through_the_sign_in(visitor: Visitor) -> None:
    answer = visitor.post(
        "/workflows/wf_x/cancel", data={"secret": "b"}, headers={"Origin": "https://evil.example"}
    )

    assert answer.headers["Location"] == "/ui/sign-in"


def _hidden(page: str) -> dict[str, str]:
    """The hidden fields of the last form but the sign-out."""
    form = page.rpartition("<main")[2].rpartition("<form")[2]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: unescape(text) for name, text in found}
