"""Every command of the how-to pages does what its page says, on a running engine."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from devstack.processes import wait_until
from tests.engine.notifications.receiver import receiver
from tests.guide.conftest import READER
from tests.guide.pages import DOCS, commands
from tests.guide.shell import Shell
from tests.product import Product
from tests.shared import ROOT

pytestmark = pytest.mark.xdist_group("guide")
Prepare = Callable[[Product, str], str]
"""Puts what is there in the place of the ids of a command, and makes what it needs."""
EXAMPLES = ROOT / "examples"
_NUMBERS = itertools.count(1)


def submit(
    engine: Product, *steps: tuple[str, str], folder: str = "guide", wait: bool = True
) -> str:
    """A workflow of these steps and apps, at its end."""
    workflow = engine.submit(
        {
            "workflow_name": "guide",
            "version": "1.0",
            "base_context": {
                "base_url": "https://www.bv-brc.org",
                "workspace_output_folder": f"/{READER}/home/{folder}",
            },
            "steps": [
                {"step_name": name, "app": app, "params": PARAMS[app] | {"output_file": name}}
                for name, app in steps
            ],
        },
        READER,
    )
    if wait:
        ends(engine, workflow)
    return workflow


PARAMS: Final[dict[str, dict[str, Any]]] = {
    "GenomeAssembly2": {"srr_ids": ["SRR1"], "output_path": "${workspace_output_folder}"},
    "GenomeAnnotation": {
        "contigs": "${steps.assemble.outputs.contigs}",
        "scientific_name": "Escherichia coli",
        "code": 11,
        "domain": "Bacteria",
        "output_path": "${workspace_output_folder}",
    },
    "Date": {"output_path": "${workspace_output_folder}"},
}


def ends(engine: Product, workflow: str) -> None:
    def is_over() -> bool:
        found = engine.ask("GET", f"/workflows/{workflow}/status", READER)["status"]
        return found in {"succeeded", "failed", "cancelled"}

    wait_until(is_over, f"{workflow} ends", every_seconds=0.2)


def prepare_retry(engine: Product, command: str) -> str:
    """The step to be run again is the one that failed, or one before it with ``--from``."""
    failing = "GenomeAnnotation" if "--from" in command else "GenomeAssembly2"
    # Workflows of former commands may still run: the rule is for this one's folder alone.
    folder = f"retry-{next(_NUMBERS)}"
    path = f"/{READER}/home/{folder}"
    engine.simulator.app(failing, output_path=path, outcome="failed", count=1)
    steps = (("assemble", "GenomeAssembly2"), ("annotate", "GenomeAnnotation"))
    return command.replace("wf_5f3a", submit(engine, *steps, folder=folder))


def prepare_batch(engine: Product, command: str) -> str:
    if "batch retry" in command:
        path = f"/{READER}/home/assemblies/*"
        engine.simulator.app("GenomeAnnotation", output_path=path, outcome="failed", count=1)
        parts = [("workflow", "workflow.json"), ("samples", "samples.csv")]
        files = {part: (name, (EXAMPLES / "batch" / name).read_bytes()) for part, name in parts}
        batch = engine.ask("POST", "/batches", READER, files=files)["batch_id"]

        def is_over() -> bool:
            return bool(engine.ask("GET", f"/batches/{batch}", READER)["status"] == "failed")

        wait_until(is_over, "a row of the batch has failed", every_seconds=0.2)
    batches = engine.ask("GET", "/batches", READER)["batches"]
    return command.replace("b_5f3a", batches[0]["batch_id"] if batches else "")


def prepare_hold(engine: Product, command: str) -> str:
    soon = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%MZ")
    if "wf_5f3a" in command:
        command = command.replace("wf_5f3a", submit(engine, ("now", "Date"), wait=False))
    holds = engine.ask("GET", "/holds", READER)["holds"]
    command = command.replace("hold_7d3f", holds[0]["hold_id"] if holds else "")
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", soon, command)


def prepare_webhook(engine: Product, command: str) -> str:
    if "wf_5f3a" in command:
        return command.replace("wf_5f3a", submit(engine, ("now", "Date"), wait=False))
    webhooks = engine.ask("GET", "/webhooks", READER)["webhooks"]
    return command.replace("wh_5f3a", webhooks[0]["webhook_id"] if webhooks else "")


def prepare_many(engine: Product, command: str) -> str:
    """One workflow is under way, and stays so: a command that sees another one end refuses."""
    if "--dry-run" not in command:
        return command
    engine.simulator.app("*", output_file="stays", run_seconds=None)
    workflow = submit(engine, ("stays", "Date"), wait=False)
    # Where the page before has made the engine forget it, some process may not know that yet.
    engine.ask("PUT", f"/workflows/{workflow}/token", READER)

    def is_alone() -> bool:
        going = [("status", state) for state in ("pending", "queued", "running")]
        listed = engine.ask("GET", "/workflows", READER, params=[*going, ("owner", "*")])
        return [each["workflow_id"] for each in listed["workflows"]] == [workflow]

    wait_until(is_alone, "all others end", every_seconds=0.2)
    return command


def prepare_workflow(engine: Product, command: str) -> str:
    if "wf_5f3a" in command:
        command = command.replace("wf_5f3a", submit(engine, ("now", "Date"), wait=False))
    return command


PREPARED: Final[dict[str, Prepare]] = {
    "retry-with-changes": prepare_retry,
    "many-samples": prepare_batch,
    "maintenance": prepare_hold,
    "notifications": prepare_webhook,
    "tokens": prepare_workflow,
    "restore": prepare_many,
    "scale": prepare_workflow,
    "upgrade": prepare_workflow,
}


@contextmanager
def lift_holds(engine: Product) -> Iterator[None]:
    try:
        yield
    finally:
        for hold in engine.ask("GET", "/holds", READER)["holds"]:
            engine.ask("DELETE", f"/holds/{hold['hold_id']}", READER)


@pytest.mark.parametrize("name", PREPARED)
def test_every_command_does_its_work(name: str, engine: Product, shell: Shell) -> None:
    for file in (EXAMPLES / "batch").iterdir():
        (shell.folder / file.name).write_bytes(file.read_bytes())
    found = [each.text for each in commands(DOCS / f"how-to/{name}.md") if not each.reason]
    assert found

    with lift_holds(engine) if name == "maintenance" else nullcontext(), receiver() as there:
        for command in found:
            ours = PREPARED[name](engine, command)
            ours = ours.replace("https://lab.example.org/hooks/bvbrc", there.url)
            shell.run(ours.replace("/you@bvbrc/", f"/{READER}/"))
