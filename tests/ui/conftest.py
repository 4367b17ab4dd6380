"""The pages of the running product, over HTTP and in a real browser."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.product import ALICE, Product

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000
"""Milliseconds that a browser's test waits for anything; Playwright's own 5 s are few on a machine
that others use as well."""
_FIRST_PAINT = """() => new Promise((tell) => {
  new PerformanceObserver((list) => {
    for (const paint of list.getEntriesByName("first-contentful-paint")) tell(paint.startTime);
  }).observe({ type: "paint", buffered: true });
})"""
_SECRET = re.compile(r'name="secret" value="([^"]+)"')


@dataclass
class Visitor:
    """Asks for pages as a browser does, with cookies; follows no redirects by itself."""

    product: Product
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(
            f"{self.product.url}/ui{path}", allow_redirects=False, timeout=60, **options
        )

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.session.post(
            f"{self.product.url}/ui{path}", allow_redirects=False, timeout=60, **options
        )

    def sign_in(self, user: str = ALICE) -> requests.Response:
        return self.post("/sign-in", data={"token": self.product.token(user)})

    def secret(self) -> str:
        """What a form of ours sends along."""
        found = _SECRET.search(self.get("/").text)
        assert found
        return found[1]


@pytest.fixture
def visitor(product: Product) -> Visitor:
    return Visitor(product)


@pytest.fixture
def alice(visitor: Visitor) -> Visitor:
    """Signed in."""
    assert visitor.sign_in().status_code == 303
    return visitor


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None and os.environ.get("CI") == "true":
        pytest.fail("chromium is missing, and CI does not skip")
    if path is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        running = playwright.chromium.launch(
            executable_path=path, args=list(FLAGS), timeout=2 * PATIENCE
        )
        yield running
        running.close()


@dataclass
class Seen:
    """A page in the browser, and everything that went wrong on it."""

    page: Page
    product: Product
    errors: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of each answer, by path."""

    def watch(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(f"script: {error}"))
        self.page.on("request", lambda request: self._foreign(request.url))
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"console: {message.text}")

    def _foreign(self, url: str) -> None:
        if not url.startswith((self.product.url, "data:", "blob:")):
            self.errors.append(f"request to another host: {url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")

    def open(self, path: str) -> int:
        """Loads a page; answers with its bytes, styles and scripts not among them."""
        response = self.page.goto(f"{self.product.url}/ui{path}")
        assert response is not None
        return len(response.body())

    def first_paint_milliseconds(self) -> float:
        """Since the navigation began."""
        return float(self.page.evaluate(_FIRST_PAINT))


def open_window(browser: Browser, **options: Any) -> Page:
    """A page of a window that shares nothing with others."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context.new_page()


@pytest.fixture
def look(browser: Browser, product: Product) -> Iterator[Callable[..., Seen]]:
    """Opens a window and signs in: ``look(color_scheme="dark")``. Nothing may have gone wrong in
    any at the end of the test."""
    opened: list[Seen] = []

    def make(user: str = ALICE, **options: Any) -> Seen:
        options.setdefault("viewport", {"width": 1200, "height": 720})
        seen = Seen(open_window(browser, **options), product)
        seen.watch()
        opened.append(seen)
        seen.open("/")
        seen.page.get_by_label("BV-BRC token").fill(product.token(user))
        seen.page.get_by_role("button", name="Use the token").click()
        seen.page.get_by_role("heading", name="Workflows").wait_for()
        return seen

    yield make
    errors = [error for seen in opened for error in seen.errors]
    for seen in opened:
        seen.page.context.close()
    assert errors == []
