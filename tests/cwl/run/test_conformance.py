"""CWL's own conformance tests of workflows, planned by us; only single tools run in cwltool.

The documents are data of the team (Apache-2.0), not part of the project. The same through the
command line: ``cwltest --test workflow_tests.yaml --tool tests/cwl/runner.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cwltest.compare import compare

from tests.cwl.local import Failed, Run, delivered
from tests.cwl.runner import document
from tests.shared import shared_path

pytestmark = pytest.mark.filterwarnings("ignore")  # cwltool's own, and those of what it uses
SUITES = ("cwl/suite/workflow_tests.yaml", "cwl/dynamic/tests.yaml")


def cases(*, should_fail: bool) -> list[Any]:
    out: list[Any] = []
    for suite in SUITES:
        try:
            path = shared_path(suite)
        except pytest.skip.Exception as absent:
            return [pytest.param(None, {}, marks=pytest.mark.skip(str(absent)), id="absent")]
        out += [
            pytest.param(path.parent, test, id=test["id"])
            for test in yaml.safe_load(path.read_text("utf-8"))
            if bool(test.get("should_fail")) == should_fail
        ]
    return out


def run_of(folder: Path, test: dict[str, Any], scratch: Path) -> Run:
    job = str(folder / test["job"]) if test.get("job") else None
    return Run(document(str(folder / test["tool"]), job), scratch)


@pytest.mark.parametrize(("folder", "test"), cases(should_fail=False))
def test_a_workflow_comes_to_what_the_standard_says(
    folder: Path, test: dict[str, Any], tmp_path: Path
) -> None:
    run = run_of(folder, test, tmp_path)

    outputs = delivered(run.outputs(), tmp_path)

    compare(test["output"], outputs)
    if folder.name == "suite":
        planned = {job.name for job in run.plans[0].jobs}
        assert planned == set(run.results), "all jobs are known before the first one runs"


@pytest.mark.parametrize(("folder", "test"), cases(should_fail=True))
def test_a_workflow_that_the_standard_forbids_fails(
    folder: Path, test: dict[str, Any], tmp_path: Path
) -> None:
    run = run_of(folder, test, tmp_path)

    with pytest.raises(Failed):
        run.outputs()
