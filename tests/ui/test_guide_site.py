"""The guide in a browser: its search, links and pictures work under the API's own policy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack import guide
from tests.product import UI_GROUP
from tests.ui.conftest import Seen

pytestmark = [UI_GROUP, pytest.mark.browser]


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    guide.main()


def test_a_person_finds_a_page_by_its_words_and_reads_it(look: Callable[..., Seen]) -> None:
    page = look().page
    page.get_by_role("link", name="Guide").click()
    page.get_by_role("heading", name="BV-BRC workflow engine").first.wait_for()
    page.wait_for_load_state("load")

    page.get_by_role("textbox", name="Search").press_sequentially("mongorestore")
    page.locator(".md-search-result a", has_text="Restore a backup").first.click()

    page.get_by_role("heading", name="Restore a backup").wait_for()
    assert "/docs/guide/how-to/restore.html" in page.url


def test_the_pictures_of_a_tutorial_are_shown(look: Callable[..., Seen]) -> None:
    page = look(color_scheme="dark").page
    page.goto(f"{page.url.partition('/ui')[0]}/docs/guide/tutorial/biologist.html")

    pictures = page.locator("article img")
    assert pictures.count() >= 2
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
