"""The demonstration: runs one workflow from its submission to its outputs, on a set-up of its
own."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.live import Live
from rich.table import Table

from devstack import processes, records, servers
from devstack.processes import NotReady, Process
from devstack.records import ROOT
from devstack.shared import PROGRESS_SECONDS, start_detached, wait_for

EXAMPLE = ROOT / "examples/example_workflow_2step.json"
USER = "user@bvbrc"
DEADLINE_SECONDS = 120.0
FINAL = ("succeeded", "failed", "cancelled")
COLOURS = {"succeeded": "green", "failed": "red", "running": "cyan", "queued": "yellow"}
PLACES = {
    "page": "page",
    "guide": "guide",
    "api": "API",
    "probes": "health probes",
    "flower": "Flower",
    "exporter": "celery-exporter",
    "mcp": "MCP server",
    "logs": "logs",
}


def run(*, keep: bool) -> int:
    """The demonstration; 0 where the workflow succeeded."""
    with processes.temporary_folder("workflows-demo-") as folder:
        return _run(Console(), folder, keep=keep)


def _run(console: Console, folder: Path, *, keep: bool) -> int:
    process: Process | None = None
    try:
        _report("starting MongoDB, Redis, the simulator, API, worker and beat")
        if keep:
            pid = start_detached("private", "--monitors", record="demo-{pid}", report=_report)
            name = f"demo-{pid}"
        else:
            process = _start_attached(folder)
            name = f"demo-{process.pid}"
        facts = records.read(name) or {}
        succeeded = show(console, facts)
    except KeyboardInterrupt:
        return 130
    finally:
        if process is not None:
            _end(console, process)
    if keep:
        show_addresses(facts)
        print(f"it keeps running (pid {facts['pid']}): ./scripts/stop_all.sh ends it")
    return 0 if succeeded else 1


def _start_attached(folder: Path) -> Process:
    """A set-up that ends with this process, however that ends."""
    process = processes.start(
        "the set-up",
        [sys.executable, "-m", "devstack", "private"],
        log=folder / "log",
        folder=ROOT,
    )
    try:
        wait_for(f"demo-{process.pid}", lambda: not process.alive, _report)
    except BaseException:
        process.stop()
        raise
    if records.read(f"demo-{process.pid}") is None:
        raise NotReady(f"the set-up ended before it was ready:\n{process.tail()}")
    return process


def _report(line: str) -> None:
    print(line, file=sys.stderr)


def _end(console: Console, process: Process) -> None:
    """Stops what was started and ignores a second Ctrl-C while it does."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not console.is_terminal:
        _report("stopping everything")
    with console.status("stopping everything"):
        process.stop(grace_seconds=60)
    records.remove(f"demo-{process.pid}")
    signal.signal(signal.SIGINT, before)


def show(console: Console, facts: Mapping[str, Any]) -> bool:
    """Submits the example and follows it to its end; true where it succeeded."""
    simulator = servers.simulator_of(facts["scheduler"])
    simulator.app(queue_seconds=0.5, run_seconds=1.5)
    api = Api(facts["api"], simulator.token(USER))
    workflow = api.submit(EXAMPLE)
    console.print(f"submitted [bold]{EXAMPLE.name}[/bold] as [bold]{workflow}[/bold]")
    status = follow(console, api, workflow)
    console.print("\n[bold]Workflow outputs[/bold]")
    for output in api.get(f"/{workflow}").json().get("workflow_outputs", []):
        console.print(f"  {output}", markup=False, highlight=False, soft_wrap=True)
    console.print("\n[bold]Log[/bold]")
    console.print(api.get(f"/{workflow}/log").text, markup=False, highlight=False, soft_wrap=True)
    simulator.close()
    return status == "succeeded"


def follow(console: Console, api: Api, workflow: str) -> str:
    """Shows the states until the last one, and returns it. What is no terminal shows no table
    before the end, and gets a line now and then."""
    began = reported = time.monotonic()
    with Live(console=console, refresh_per_second=8) as live:
        while True:
            status = api.get(f"/{workflow}/status").json()
            live.update(view(status, time.monotonic() - began))
            if not console.is_terminal and time.monotonic() - reported >= PROGRESS_SECONDS:
                reported = time.monotonic()
                _report(f"{reported - began:5.0f} s: the workflow is {status['status']}")
            if status["status"] in FINAL:
                return str(status["status"])
            if time.monotonic() - began > DEADLINE_SECONDS:
                raise NotReady(f"the workflow is {status['status']} after {DEADLINE_SECONDS:g} s")
            time.sleep(0.25)


def view(status: Mapping[str, Any], seconds: float) -> Table:
    """A table of the steps under the workflow's own state."""
    table = Table(
        title=f"{status['workflow_name']}: {_colour_state(status['status'])} {seconds:4.1f} s"
    )
    for column in ("step", "app", "state", "job at BV-BRC"):
        table.add_column(column)
    for step in status["steps"]:
        table.add_row(
            step["step_name"], step["app"], _colour_state(step["status"]), step["step_id"]
        )
    return table


def _colour_state(state: str) -> str:
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state


class Api:
    """The engine's REST API, as any client uses it."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/api/v1/workflows"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = token

    def submit(self, file: Path) -> str:
        """The id of the new workflow."""
        body = json.loads(file.read_text())
        answer = self._session.post(f"{self._url}/submit", json=body, timeout=120)
        answer.raise_for_status()
        return str(answer.json()["workflow_id"])

    def get(self, path: str) -> requests.Response:
        answer = self._session.get(f"{self._url}{path}", timeout=120)
        answer.raise_for_status()
        return answer


def show_addresses(facts: Mapping[str, Any]) -> None:
    """Prints the addresses, one a line."""
    for key, title in PLACES.items():
        if facts.get(key):
            print(f"{title:16} {facts[key]}")
    for note in facts.get("notes", []):
        print(note)
    if scheduler := facts.get("scheduler"):
        root = scheduler.removesuffix("/services/app_service")
        print(f'{"a token":16} curl -s {root}/control/token -d \'{{"user": "{USER}"}}\'')
        print("To sign in: any user name with the password 'simulated', or a token, which")
        print("./scripts/token.sh prints, too.")
    else:
        print("To sign in: your BV-BRC user name and password, or your token.")
