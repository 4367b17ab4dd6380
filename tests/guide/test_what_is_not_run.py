"""Every command of README, tutorials and how-to pages is run by a test, or says why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guide.pages import DOCS, PAGES, Command, commands
from tests.guide.test_how_to import PREPARED
from tests.shared import ROOT

NEEDS = {
    "it needs Docker, which the tests do not have": ("docker",),
    "it needs systemd, which the tests do not have": ("systemctl",),
    "it needs MongoDB's tools, which the tests do not have": ("mongorestore", "mongodump"),
    "it is BV-BRC's own program": ("p3-login",),
    "it runs the tests": ("./scripts/test.sh",),
    "it stays in the foreground; devstack/stack.py starts it for the tests": (
        "gunicorn",
        "celery",
        "WORKFLOW_",
    ),
}
"""All reasons there are, and how the commands begin that may have them."""
ELSEWHERE = {
    "./scripts/demo.sh": ("tests/devstack/test_setups.py", '"demo"'),
    "./scripts/start_all.sh": ("README.md", "./scripts/start_all.sh"),
    "./scripts/stop_all.sh": ("README.md", "./scripts/stop_all.sh"),
    "./scripts/token.sh": ("README.md", "./scripts/token.sh"),
    "./scripts/run.sh": ("tests/devstack/test_setups.py", '"run"'),
    "./scripts/start_api.sh": ("tests/devstack/test_setups.py", '"api"'),
    "./scripts/start_executor.sh": ("tests/devstack/test_setups.py", '"executor"'),
    "./scripts/references.sh": ("tests/test_references.py", "render_all()"),
    "./scripts/guide.sh": ("tests/app/documents/test_guide_site.py", "builder.main()"),
}
"""Scripts that other tests run, where, and what shows it (README's walk: tests/test_readme.py)."""
WALKS = [ROOT / "README.md", *DOCS.glob("tutorial/*.md")]


def marked() -> Iterator[tuple[Path, Command]]:
    for page in PAGES:
        yield from ((page, each) for each in commands(page) if each.reason)


def test_each_reason_is_one_that_holds_for_the_command() -> None:
    found = list(marked())

    assert len(found) > 10
    for page, command in found:
        assert command.reason in NEEDS, f"{page.name}: {command.text}"
        begins = command.text.removeprefix("export ").startswith(NEEDS[command.reason])
        assert begins, f"{page.name}: {command.text}: {command.reason}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_other_command_is_run(page: Path) -> None:
    """Blocks of tutorials and of the README by tests of their own, which take every block."""
    if page.stem in PREPARED:
        return
    rest = [each for each in commands(page) if not each.reason]
    if page in WALKS:
        rest = [each for each in rest if not each.in_block]

    assert not [each.text for each in rest if each.text.split()[0] not in ELSEWHERE]


def test_scripts_are_run_where_this_says() -> None:
    for script, (file, shows) in ELSEWHERE.items():
        assert (ROOT / script).exists()
        assert shows in (ROOT / file).read_text(encoding="utf-8"), script
