"""The documents refer only to what the project has: files, pages, collections, metrics."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import ROOT
from workflows.store import documents

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SITE = sorted((ROOT / "docs").rglob("*.md"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
IGNORED = {line.strip("/*") for line in (ROOT / ".gitignore").read_text().splitlines()}


def project_files() -> Iterator[str]:
    """By their paths, without what Git ignores."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [each for each in folders if each[0] != "." and each not in IGNORED]
        yield from (str((Path(folder) / name).relative_to(ROOT)) for name in names)


FILES = list(project_files())
FOLDERS = "|".join(sorted({file.partition("/")[0] for file in FILES if "/" in file}))


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in DECISIONS]

    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [
        link for link in links if "://" not in link and not (page.parent / link).resolve().exists()
    ]

    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    """Also without its folder; then it is one of the product, or a test."""
    names = set(re.findall(r"`([a-z_/]+\.py)`", page.read_text(encoding="utf-8")))
    product = [f"/{file}" for file in FILES if not file.startswith(("tests/", "benchmarks/"))]
    any_file = [f"/{file}" for file in FILES]
    missing = [
        name
        for name in names
        if not any(
            file.endswith(f"/{name}")
            for file in (any_file if "/" in name or name.startswith("test_") else product)
        )
    ]

    assert not missing


def test_the_architecture_lists_every_collection() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))

    kinds = [*documents.documents(), documents.AppSpecs]

    assert listed == {kind._meta["collection"] for kind in kinds}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_document_refers_to_what_is_not_in_the_project(page: Path) -> None:
    """Every Markdown page, program and script that a text names, and every path below a folder of
    the project. What Git ignores, such as ``deploy/.env``, is made by its user."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    names = set(re.findall(r"(?<![\w/…<>*.-])([\w./-]+\.(?:md|py|sh))\b", text))
    names |= set(re.findall(rf"`(?:\./)?((?:{FOLDERS})/[\w./-]+)`", text))

    names = {name.removeprefix("./") for name in names if Path(name).name not in IGNORED}
    assert not {name for name in names if not is_there(name, page)}


def is_there(name: str, page: Path) -> bool:
    """By its path from the page or the root, or by the end of the path of some file."""
    if (page.parent / name).exists() or (ROOT / name).exists():
        return True
    return any(f"/{file}".endswith(f"/{name}") for file in FILES)


@pytest.mark.parametrize("page", SITE, ids=lambda page: page.stem)
def test_a_list_begins_after_an_empty_line(page: Path) -> None:
    """Otherwise the site shows it as a paragraph, although Git's servers show a list."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)

    assert not re.findall(r"^(?![*#-]|\d+\.)\S.*\n(?:[*-]|\d+\.) .*", text, re.MULTILINE)
