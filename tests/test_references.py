"""References are made from the code: what is committed is what the code makes."""

from __future__ import annotations

import re

import pytest

from cli.main import main
from devstack.references import command_line, metrics, settings
from devstack.references.pages import PAGES, PARTS, render_all
from tests.shared import ROOT
from workflows.rules.webhooks.events import NAMES

MADE = sorted({*PAGES, *(page for page, _ in PARTS)})


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return render_all()


@pytest.mark.parametrize("page", MADE)
def test_the_committed_page_is_what_the_code_makes(page: str, made: dict[str, str]) -> None:
    """``./scripts/references.sh`` makes it anew."""
    assert (ROOT / page).read_text(encoding="utf-8") == made[page]


def test_every_page_is_compared(made: dict[str, str]) -> None:
    assert sorted(made) == MADE


def test_every_setting_has_a_meaning() -> None:
    meanings = {key: text for key, text in settings.meanings().items() if text}
    without = [
        f"{section}.{key}"
        for section, key, _ in settings.all_settings()
        if (settings.model(section).__name__, key) not in meanings
    ]

    assert without == []


def test_every_metric_has_a_line() -> None:
    names = [name for name, *_ in metrics.declarations()]

    assert len(names) == len(set(names)) > 40


def test_every_command_stands_in_the_short_list_too() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    commands = [path for path, _ in command_line.leaves(main, ())]

    assert len(commands) > 40
    groups = re.findall(r"`(\w+) ((?:\w+\\\|)+\w+) ", page)  # many cancel\|retry\|…
    named = {f"{word} {each}" for word, group in groups for each in group.split("\\|")}
    assert not [path for path in commands if path not in named and f"`{path}" not in page]


def test_every_event_of_webhooks_is_named() -> None:
    page = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")

    assert not [name for name in NAMES if f"`{name}`" not in page]
