"""What ``scripts/suite.py`` makes of tests that fail beside others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.suite import MOST, deserve_second_look
from tests.shared import ROOT

PASSES_ALONE = """
import os, pytest

@pytest.mark.xdist_group("some-group")
@pytest.mark.parametrize("text", ["a@b", "c d"])
def test_it(text):
    assert "PYTEST_XDIST_WORKER" not in os.environ
"""
OURS = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
"""Without what says that this very test runs beside others."""
QUICK = OURS | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
FAILS = """
def test_it():
    assert False
"""


def suite(folder: Path, tests: dict[str, str]) -> tuple[int, str]:
    """The exit code and the output of a run over these files."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in tests.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    run = subprocess.run(
        [sys.executable, ROOT / "scripts/suite.py"], cwd=folder, text=True, env=QUICK,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return run.returncode, run.stdout


def test_what_passes_alone_is_listed_and_fails_no_run(tmp_path: Path) -> None:
    code, output = suite(tmp_path, {"tests/test_a.py": PASSES_ALONE})
    assert code == 0, output
    listed = output.rpartition("mend:")[2].split("\n")
    assert {"tests/test_a.py::test_it[a@b]", "tests/test_a.py::test_it[c d]"} <= set(listed)


@pytest.mark.parametrize("tests", [{"tests/test_a.py": FAILS}, {}], ids=["fails", "no test"])
def test_what_fails_again_fails_the_run(tmp_path: Path, tests: dict[str, str]) -> None:
    code, output = suite(tmp_path, tests)
    assert code != 0, output
    assert "UNSTEADY" not in output


@pytest.mark.parametrize(
    ("failed", "again"),
    [
        (["tests/app/test_a.py::test_it[a]"], True),
        (["tests/app/test_a.py::test_it"] * MOST, True),
        (["tests/app/test_a.py::test_it"] * (MOST + 1), False),
        (["tests/app/test_a.py::test_it", "tests/reliability/test_b.py::test_it"], False),
        ([], False),
    ],
    ids=["one", "few", "many", "promise", "none"],
)
def test_few_tests_get_a_second_look_and_no_promise(failed: list[str], again: bool) -> None:
    assert deserve_second_look(failed) is again
