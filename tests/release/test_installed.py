"""What is installed from the wheels, against the running product."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.product import GROUP, Product
from tests.release.conftest import BIN, make_environment, run
from tests.shared import ROOT
from workflows import __version__

pytestmark = GROUP
USER = "user@bvbrc"
"""Whose folders the examples write to."""
MOST_BYTES = 15_000_000


def environment(product: Product, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BVBRC_WORKFLOWS_URL": product.url,
        "BVBRC_TOKEN": product.token(USER),
    }


@pytest.fixture(scope="module")
def programs(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment with the command line alone."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    return make_environment(folder, wheels, "bvbrc-workflows-cli")


def test_the_command_line_alone_is_small_and_works(
    product: Product, programs: Path, tmp_path: Path
) -> None:
    env = environment(product, tmp_path)
    command = programs / "bvbrc-workflows"

    assert run(command, "--version", env=env, cwd=tmp_path).split()[-1] == __version__
    assert "submit-cwl" in run(command, "--help", env=env, cwd=tmp_path)
    submitted = ROOT / "examples/example_workflow_2step.json"
    run(command, "submit", str(submitted), "--watch", "--json", env=env, cwd=tmp_path)
    page = json.loads(run(command, "list", "--json", env=env, cwd=tmp_path))
    assert page["workflows"][0]["status"] == "succeeded"
    scripts = {path.name for path in (programs.parent / "lib").rglob("*.py")}
    assert "flask" not in scripts
    files = (path for path in (programs.parent / "lib").rglob("*") if path.suffix != ".pyc")
    assert sum(path.stat().st_size for path in files if path.is_file()) < MOST_BYTES


def test_the_client_alone_reaches_every_operation(
    product: Product, programs: Path, tmp_path: Path
) -> None:
    """Without pandas results are rows; what is generated raises the same exceptions."""
    program = """
from bvbrc_workflows_client import NotFound, Workflows
from bvbrc_workflows_client.rest.api.submitting import submit_workflow
from bvbrc_workflows_client.rest.api.system import health
from bvbrc_workflows_client.rest.api.watching import workflow_status
from bvbrc_workflows_client.rest.models import WorkflowDocument
import json, os, sys

with Workflows() as workflows:
    document = WorkflowDocument.from_dict(json.load(open(sys.argv[1])))
    made = submit_workflow.sync(client=workflows.rest, body=document, idempotency_key="wheel-1")
    again = submit_workflow.sync(client=workflows.rest, body=document, idempotency_key="wheel-1")
    assert made.workflow_id == again.workflow_id
    rows = workflows.run(made.workflow_id).wait(120).results()
    assert [row["exists"] for row in rows] == [True], rows
    assert workflow_status.sync(made.workflow_id, client=workflows.rest).status == "succeeded"
    assert health.sync(client=workflows.rest).version
    try:
        workflow_status.sync("wf_0", client=workflows.rest)
    except NotFound as refusal:
        print(refusal.detail)
    assert os.environ["BVBRC_TOKEN"] not in repr(workflows.rest)
"""
    document = str(ROOT / "examples/example_workflow_2step.json")

    env = environment(product, tmp_path)
    shown = run(programs / "python", "-I", "-c", program, document, env=env, cwd=tmp_path)

    assert "wf_0" in shown


def test_the_notebook_of_the_examples_runs(
    product: Product, client_wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    client_wheel.extractall(tmp_path / "client")
    env = environment(product, tmp_path) | {
        "PYTHONPATH": str(tmp_path / "client"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    target = tmp_path / "executed.ipynb"

    words = ["--timeout", "180", "--startup_timeout", "180", "--output", str(target)]
    subprocess.run(
        [BIN / "jupyter-execute", *words, "notebook.ipynb"],
        cwd=ROOT / "examples",
        env=env,
        check=True,
    )

    cells = [cell for cell in json.loads(target.read_text())["cells"] if cell.get("outputs")]
    shown = [json.dumps(cell["outputs"]) for cell in cells]
    assert len(shown) == 5
    assert "did you mean" in shown[0].lower()
    assert "dataframe" in shown[1]
    assert "S2" in shown[3]
    assert "notebook-S1" in shown[4]
