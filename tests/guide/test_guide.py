"""What tutorials and how-to pages show is true: documents validate, commands and routes exist, and
the words of the pages stand on the pages."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli.main import main
from tests.cwl.planning import planned
from tests.documented import documented_app
from tests.shared import ROOT
from tests.spec.examples import CATALOGUE
from workflows.spec.validate import examine

DOCS = ROOT / "docs"
GUIDE = sorted([DOCS / "index.md", *DOCS.glob("tutorial/*.md"), *DOCS.glob("how-to/*.md")])
TEXTS = {page: page.read_text(encoding="utf-8") for page in GUIDE}
REFERENCE = [*GUIDE, ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
PREFIX = re.compile(r"/api/v1(?=/)|/ga4gh/wes/v1(?=/)")
FILES = re.compile(r".*\.(?:json|csv|cwl|yaml)")
each_page = pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)


def blocks(page: Path, kind: str) -> list[str]:
    fences: list[str] = re.findall(rf"^ *```{kind}\n(.*?)^ *```", TEXTS[page], re.M | re.S)
    return fences


@each_page
def test_every_json_workflow_runs_as_it_stands(page: Path) -> None:
    for block in blocks(page, "json"):
        found = examine(json.loads(block), CATALOGUE)

        assert (found.problems, found.warnings) == ((), ())


def test_the_mistake_of_the_tutorial_is_reported_as_printed() -> None:
    page = DOCS / "tutorial" / "bioinformatician.md"
    (block,) = blocks(page, "json")
    (printed,) = blocks(page, "text")

    (problem,) = examine(json.loads(block.replace('"auto"', '"auot"')), CATALOGUE).problems

    assert [problem.path, problem.message] == [line.strip() for line in printed.splitlines()[:2]]
    assert f"→ {problem.suggestion}".startswith(printed.splitlines()[2].strip())


@each_page
def test_every_cwl_workflow_is_planned_whole_with_the_inputs_beside_it(page: Path) -> None:
    found = blocks(page, "yaml")
    for document, inputs in zip(found[::2], found[1::2], strict=True):
        plan = planned(document, yaml.safe_load(inputs))

        assert (plan.problems, plan.warnings, plan.waits_for) == ((), (), frozenset())


@each_page
def test_every_command_exists_with_its_options(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands(TEXTS[page]):
        for word in filter(FILES.fullmatch, words):
            (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / word).touch()
        parse(words)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each call of the command line, up to a pipe, a bracket or the end."""
    for call in re.findall(r"(?:bvbrc-workflows|python -m cli) ([^\n`|&>)]*)", text):
        yield shlex.split(call, comments=True)


def parse(words: list[str]) -> None:
    """Raises ``click.UsageError`` for what the command line refuses."""
    command: click.Command = main
    context = main.make_context("bvbrc-workflows", list(words))
    with ExitStack() as files:
        while isinstance(command, click.Group):
            rest = [*context._protected_args, *context.args]
            name, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command, context = found, found.make_context(name, rest, parent=context)
            files.callback(context.close)


@pytest.fixture(scope="module")
def application() -> Any:
    return documented_app()


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.stem)
def test_every_route_exists(page: Path, application: Any) -> None:
    document = json.loads(application.test_client().get("/openapi.json").data)
    there = [
        re.compile(f"{method.upper()} {re.sub(r'{[^}]+}', '[^/@]+', PREFIX.sub('', path))}")
        for path, methods in document["paths"].items()
        for method in methods
    ]
    named = re.findall(
        r"(?:GET|POST|PUT|PATCH|DELETE) /(?:[\w/.@-]|{\w+}|<[\w ]+>)+",
        page.read_text(encoding="utf-8"),
    )

    routes = {PREFIX.sub("", each) for each in named}
    assert not {each for each in routes if not any(known.fullmatch(each) for known in there)}


@each_page
def test_every_page_of_the_product_exists(page: Path, application: Any) -> None:
    there = {str(rule) for rule in application.url_map.iter_rules()}

    assert not set(re.findall(r"`(/ui/[\w/-]+)`", TEXTS[page])) - there


@each_page
def test_every_operators_command_exists(page: Path, application: Any) -> None:
    for group, name in re.findall(r"flask (db|credentials) (\w+)", TEXTS[page]):
        assert name in application.cli.commands[group].commands


def test_the_words_in_bold_stand_on_the_pages() -> None:
    kinds = ("app/ui/**/*.html", "app/ui/**/*.py", "workflows/bvbrc/templates/*.json")
    shown = "\n".join(
        file.read_text(encoding="utf-8") for kind in kinds for file in ROOT.glob(kind)
    ).casefold()
    bold = set(re.findall(r"\*\*(.+?)\*\*", TEXTS[DOCS / "tutorial" / "biologist.md"]))

    assert len(bold) > 10
    words = {word.removeprefix("Add: ").casefold() for word in bold - {"bold"}}
    assert [word for word in words if word not in shown] == []


@each_page
def test_every_page_of_the_guide_is_in_the_navigation(page: Path) -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

    assert f": {page.relative_to(DOCS)}\n" in navigation


def test_the_site_loads_nothing_from_another_host() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    assert site["theme"]["font"] is False
    assert not {"extra_css", "extra_javascript", "hooks"} & set(site)
