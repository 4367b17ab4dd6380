"""``/docs/guide``: the documents as a site, or a page that says how to build it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import guide
from app.http import headers
from devstack import guide as builder
from tests.shared import ROOT


@pytest.fixture(scope="module")
def site() -> Path:
    """As ``scripts/guide.sh`` builds it; one that is built of these documents stays."""
    builder.main()
    return guide.SITE


def client(folder: Path) -> FlaskClient:
    application = Flask("guide", static_folder=None)
    headers.register(application)
    guide.register(application, folder)
    return application.test_client()


def test_its_front_has_a_slash_so_that_relative_links_lead_below_it(site: Path) -> None:
    answer = client(site).get("/docs/guide")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs/guide/")


def test_every_document_is_a_page_of_it(site: Path) -> None:
    ask = client(site).get
    pages = [
        page.relative_to(ROOT / "docs").with_suffix(".html")
        for page in (ROOT / "docs").rglob("*.md")
    ]

    assert len(pages) > 60
    for page in pages:
        with ask(f"/docs/guide/{page}") as answer:
            assert (answer.status_code, answer.mimetype) == (200, "text/html"), page


def test_it_loads_nothing_from_another_host(site: Path) -> None:
    loaded = re.compile(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="([^"]+)"')
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        names = [name.partition("?")[0] for name in loaded.findall(text)]
        assert names
        assert not [name for name in names if not (page.parent / name).exists()], page


def test_only_the_scripts_of_the_page_itself_may_run(site: Path) -> None:
    with client(site).get("/docs/guide/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        scripts = answer.text.count("<script>")

    assert scripts == policy.count("'sha256-") > 0
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_page_that_has_changed_gets_the_policy_of_its_own_scripts(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<script>one()</script>")
    with client(tmp_path).get("/docs/guide/") as answer:
        before = answer.headers["Content-Security-Policy"]

    page.write_text("<script>another()</script>")
    with client(tmp_path).get("/docs/guide/") as answer:
        assert answer.headers["Content-Security-Policy"] != before


def test_where_it_was_not_built_a_page_says_how_to_build_it(tmp_path: Path) -> None:
    for path in ("/docs/guide/", "/docs/guide/tutorial/operator.html"):
        answer = client(tmp_path / "nowhere").get(path)

        assert (answer.status_code, answer.mimetype) == (404, "text/html")
        assert "./scripts/guide.sh" in answer.text


@pytest.mark.parametrize("path", ["none.html", "../__init__.py", "%2e%2e/__init__.py", "tutorial/"])
def test_no_other_file_is_served(site: Path, path: str) -> None:
    answer = client(site).get(f"/docs/guide/{path}")

    assert answer.status_code == 404
    assert 'href="/docs/guide/"' in answer.text


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("[Away](nowhere.md)\n")
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: x\nvalidation: {links: {not_found: warn}}\nplugins: []\n"
    )

    with pytest.raises(SystemExit, match=r"nowhere\.md(.|\n)*the guide cannot be built"):
        builder.build(tmp_path / "site", tmp_path)
