"""The tutorials for a terminal lead to the success that they promise, as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devstack.processes import wait_until
from tests.guide.conftest import READER
from tests.guide.pages import DOCS, blocks
from tests.guide.shell import Shell
from tests.product import Product
from tests.shared import ROOT

pytestmark = pytest.mark.xdist_group("guide")
README = ROOT / "README.md"


def save(shell: Shell, page: Path, kinds: tuple[str, ...], *names: str) -> None:
    """The files that the page lets its reader write."""
    text = page.read_text(encoding="utf-8")
    for name, block in zip(names, blocks(page, *kinds), strict=True):
        assert f"as `{name}`" in text
        (shell.folder / name).write_text(block.text + "\n")


def test_the_bioinformatician_runs_json_and_cwl(shell: Shell) -> None:
    page = DOCS / "tutorial/bioinformatician.md"
    names = ("first.json", "first.cwl", "first.inputs.yaml")
    save(shell, page, ("json", "yaml"), *names)
    begin, validate, submit, look, cwl, end = [each.text for each in blocks(page, "sh")]
    (printed,) = [each.text for each in blocks(page, "text")]

    first = shell.folder / "first.json"
    right = first.read_text()
    first.write_text(right.replace('"auto"', '"auot"'))
    complaint = shell.run(validate, code=3)
    assert [line.strip() in complaint for line in printed.splitlines()] == [True] * 3, complaint
    first.write_text(right)
    assert "contigs" in shell.run(validate)
    shown = shell.run(f"{submit}\n{look}")
    assert "Workflow completed successfully" in shown
    assert f"/{READER}/home/first/.ann/ann.genome" in shown
    assert "Workflow completed successfully" in shell.run(cwl)
    # tests/test_readme.py runs these, which begin README's walk and end it.
    walk = {re.sub(r"\s+#.*", "", line) for line in blocks(README, "sh")[0].text.splitlines()}
    lines = [re.sub(r"\s+#.*", "", line) for line in f"{begin}\n{end}".splitlines()]
    assert not [line for line in lines if line not in walk]


def test_the_operator_makes_a_key_and_sees_a_first_workflow(shell: Shell, engine: Product) -> None:
    page = DOCS / "tutorial/operator.md"
    save(shell, page, ("json",), "is-it-up.json")
    demo, secrets, compose, health, submit = blocks(page, "sh")
    (shell.folder / "deploy").mkdir()
    example = (ROOT / "deploy/env.example").read_text()
    (shell.folder / "deploy/env.example").write_text(example)
    (shell.folder / ".patric_token").write_text(engine.token(READER))
    file = shell.folder / "is-it-up.json"
    file.write_text(file.read_text().replace("/you@bvbrc/", f"/{READER}/"))

    key = shell.run(secrets.text).strip()

    assert (shell.folder / "deploy/.env").stat().st_mode & 0o777 == 0o600
    env = {**shell.env, "WORKFLOW_AUTH__TOKEN_KEYS": f'["{key}"]'}
    Shell.run(
        shell,
        f"export WORKFLOW_AUTH__TOKEN_KEYS='{env['WORKFLOW_AUTH__TOKEN_KEYS']}'\n"
        "python -c 'from config.settings import load_settings; load_settings()'",
    )
    assert compose.reason
    here = "http://127.0.0.1:8000"
    # It is as well as the last answers of its parts, which a busy machine delays.
    ask = health.text.replace(here, engine.url)
    wait_until(lambda: '"status": "healthy"' in shell.run(ask), "all is well")
    assert '"workflow_id"' in shell.run(submit.text.replace(here, engine.url))
    assert demo.text == "./scripts/demo.sh"
