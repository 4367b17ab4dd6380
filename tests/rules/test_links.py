"""Addresses of BV-BRC's pages."""

from __future__ import annotations

import pytest

from workflows.rules.links import Links

LINKS = Links("{base_url}/workspace{path}", "{base_url}/job/{job_id}")
BASE = "https://www.bv-brc.org/"


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/me@bvbrc/home/a b.fa", "https://www.bv-brc.org/workspace/me@bvbrc/home/a%20b.fa"),
        ("/me@bvbrc/home", "https://www.bv-brc.org/workspace/me@bvbrc/home"),
        ('/me@bvbrc/home/"><script>', "https://www.bv-brc.org/workspace/me@bvbrc/home/%22%3E%3Cscript%3E"),
        ("562.1", ""),
        ("/etc/passwd", ""),
        (7, ""),
        (None, ""),
    ],
)  # fmt: skip
def test_a_workspace_path_has_an_address_and_nothing_else_has(path: object, url: str) -> None:
    assert LINKS.to_path(BASE, path) == url


@pytest.mark.parametrize("base", ["javascript:alert(1)", "", None, "data:text/html,x"])
def test_what_is_no_web_address_makes_no_link(base: object) -> None:
    assert LINKS.to_path(base, "/me@bvbrc/home/a") == LINKS.to_job(base, "1") == ""


def test_a_job_and_its_folder_have_addresses() -> None:
    params = {"output_path": "/me@bvbrc/home/out/", "output_file": "asm"}

    assert LINKS.to_job(BASE, "21") == "https://www.bv-brc.org/job/21"
    assert LINKS.to_job(BASE, "") == ""
    assert (
        LINKS.to_job_folder(BASE, params)
        == "https://www.bv-brc.org/workspace/me@bvbrc/home/out/.asm"
    )


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"output_path": "/me@bvbrc/home/out"},
        {"output_path": "/me@bvbrc/home/out", "output_file": ""},
        {"output_path": "/me@bvbrc/home/out", "output_file": 7},
        {"output_path": 7, "output_file": "asm"},
    ],
)
def test_a_job_that_says_no_folder_has_no_address_of_one(params: dict[str, object]) -> None:
    assert LINKS.to_job_folder(BASE, params) == ""


def test_an_empty_pattern_makes_no_links() -> None:
    assert Links("", "").to_path(BASE, "/me@bvbrc/home/a") == ""
    assert Links("", "").to_job(BASE, "1") == ""
