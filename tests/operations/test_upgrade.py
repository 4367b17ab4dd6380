"""An upgrade under load and the way back, as docs/operations.md has it: processes of both releases
serve and work side by side. Every workflow ends as it should, and no job is started twice."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from devstack import processes
from devstack.processes import Process, wait_until
from devstack.stack import Stack, Wanted, stack
from tests.shared import ROOT
from tests.simulated import QUICK

FORMER = "f8e55b390b2b15bf3e515361f721a48d585f818f"
"""It asks nothing of a job that failed, and knows no batches. Once 1.0.0 is released, the release
before this one takes its place."""
NEW_SETTINGS = {"WORKFLOW_AUTH__SERVICE_URL"}
"""Settings that only the present release knows: an operator gives them to its processes alone."""
USER = "user@bvbrc"
READS = ("", "/status", "/events", "/log", "/explain")
FINAL = {"succeeded", "failed", "cancelled"}
PAUSE_SECONDS, LONG_PAUSE_SECONDS = 0.1, 1.0
"""Between two submissions; the long one while processes start or end, so that little piles up."""
PATIENCE_SECONDS = 120


def step(name: str, **fields: Any) -> dict[str, Any]:
    params = {"output_path": f"/{USER}/home/output", "output_file": name}
    return {"step_name": name, "app": "Date", "params": params} | fields


def native(*steps: dict[str, Any]) -> dict[str, Any]:
    base = {"base_url": "https://www.bv-brc.org", "workspace_output_folder": f"/{USER}/home/out"}
    return {"workflow_name": "w", "version": "1.0", "base_context": base, "steps": list(steps)}


def example(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / f"examples/{name}.json").read_text()))


def grouped(number: int) -> dict[str, Any]:
    """With a step that the engine runs itself; a group is made once."""
    found = example("create_group")
    found["steps"][2]["params"]["group_name"] = f"Group {number}"
    return found


def scatter() -> dict[str, Any]:
    """Its further steps are planned at run time."""
    folder = ROOT / "examples/cwl"
    return {
        "workflow": "scatter_annotate.cwl",
        "files": {path.name: path.read_text() for path in folder.glob("*.cwl")},
        "inputs": (folder / "scatter_annotate.inputs.yaml").read_text(),
        "workspace_output_folder": f"/{USER}/home/scatter",
    }


@dataclass(frozen=True)
class Kind:
    """What is submitted, where, and how it ends. ``endless``: somebody cancels it."""

    make: Callable[[int], dict[str, Any]]
    """The document of the workflow of this number."""
    end: str = "succeeded"
    route: str = "submit"
    endless: bool = False


RETRY = {"max_attempts": 2, "backoff_seconds": 1}
KINDS = (
    Kind(lambda _: native(step("first"), step("second", depends_on=["first"]))),
    Kind(lambda _: native(step("bad", retry=RETRY)), "failed"),
    Kind(grouped),
    Kind(lambda _: example("glob_outputs")),
    Kind(lambda _: scatter(), route="submit-cwl"),
    Kind(lambda _: native(step("endless")), "cancelled", endless=True),
)


FEWEST = 7 * len(KINDS)
"""Workflows: one API, then both, then one, then both, then one takes each kind once."""


@dataclass
class Load:
    """A user who submits one workflow after the other, to each API in turn."""

    running: Stack
    token: str
    rotation: list[str]
    """The URLs that a proxy would choose from."""
    ends: dict[str, str] = field(default_factory=dict)
    """Each workflow and how it is to end."""
    taken: Counter[str] = field(default_factory=Counter)
    """Workflows by the URL that took them."""
    failed: list[Exception] = field(default_factory=list)
    asking: threading.Lock = field(default_factory=threading.Lock)
    """Held while a request is under way."""
    over: threading.Event = field(default_factory=threading.Event)
    is_waited_for: bool = False
    """Whether the test waits for further submissions."""

    def ask(self, url: str, method: str, path: str, body: object = None) -> requests.Response:
        headers = {"Authorization": self.token}
        answer = requests.request(
            method, f"{url}/api/v1/workflows{path}", json=body, headers=headers, timeout=90
        )
        assert answer.ok, answer.text
        return answer

    def use(self) -> None:
        for number in itertools.count():
            if self.over.wait(PAUSE_SECONDS if self.is_waited_for else LONG_PAUSE_SECONDS):
                return
            for url in list(self.rotation):
                with self.asking:
                    self._submit(url, KINDS[number % len(KINDS)])

    def _submit(self, url: str, kind: Kind) -> None:
        try:
            if url in self.rotation:
                self._take(url, kind)
        except (requests.RequestException, AssertionError) as failure:
            self.failed.append(failure)

    def _take(self, url: str, kind: Kind) -> None:
        answer = self.ask(url, "POST", f"/{kind.route}", kind.make(len(self.ends)))
        workflow = answer.json()["workflow_id"]
        if kind.endless:
            # By the other release, where both serve.
            self.ask(self.rotation[0], "POST", f"/{workflow}/cancel")
        self.ends[workflow] = kind.end
        self.taken[url] += 1

    def goes_on(self) -> None:
        """Waits until each API that serves has taken each kind once more."""
        assert not self.failed, self.failed[0]
        wanted = {url: self.taken[url] + len(KINDS) for url in self.rotation}
        self.is_waited_for = True
        wait_until(
            lambda: bool(self.failed) or all(self.taken[url] >= wanted[url] for url in wanted),
            "every API takes workflows",
            seconds=PATIENCE_SECONDS,
        )
        self.is_waited_for = False
        assert not self.failed, self.failed[0]

    def state(self, url: str, workflow: str) -> str:
        return str(self.ask(url, "GET", f"/{workflow}/status").json()["status"])

    @contextmanager
    def under_way(self) -> Iterator[None]:
        user = threading.Thread(target=self.use)
        user.start()
        try:
            yield
        finally:
            self.over.set()
            user.join()


@dataclass
class Release:
    """The processes of one of the two."""

    running: Stack
    code: Path
    unknown: frozenset[str] = frozenset()
    """Settings of the stack that this release does not know."""
    url: str = ""
    processes: list[Process] = field(default_factory=list)

    def start(self) -> None:
        with self._at_hand():
            self.url = self.running.add_api("--workers", "1")
            worker = self.running.add_worker("-c", 8)
            self.processes = [self.running.apis[-1], worker, self.running.add_beat()]
        wait_until(self._works, "it is healthy", seconds=PATIENCE_SECONDS)

    @contextmanager
    def _at_hand(self) -> Iterator[None]:
        """Processes that are started inside are of this release, with the settings it knows."""
        whole, self.running.code = self.running.env, self.code
        self.running.env = {key: whole[key] for key in whole.keys() - self.unknown}
        try:
            yield
        finally:
            self.running.env = whole

    def _works(self) -> bool:
        health = requests.get(f"{self.url}/api/v1/health", timeout=60).json()
        return bool(health["status"] == "healthy")

    def run(self, *command: str) -> None:
        """A command of the operator."""
        name = "-".join(command)
        with self._at_hand():
            process = self.running.run(name, "flask", *command)
        wait_until(lambda: not process.alive, name, seconds=PATIENCE_SECONDS)
        assert process.exit_code == 0, process.tail()

    def stop(self, load: Load) -> None:
        """One by one, each by SIGTERM; the proxy sends nothing more to an API that ends."""
        with load.asking:
            load.rotation.remove(self.url)
        for process in self.processes:
            process.stop(grace_seconds=60)
        load.goes_on()


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The files of a commit of this repository."""
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, check=False,
        capture_output=True,
    )  # fmt: skip
    if known.returncode:
        pytest.skip(f"this clone does not reach back to commit {commit[:7]}: git fetch --unshallow")
    with processes.temporary_folder("workflows-former-") as folder:
        files = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=files.stdout, check=True)
        yield folder


@pytest.mark.timeout(600)
def test_an_upgrade_under_load_and_the_way_back_lose_and_double_nothing() -> None:
    settings = {"executor.polling_interval_seconds": 0.5}
    wanted = Wanted(workers=0, beats=0, settings=settings, simulator=QUICK)
    with checkout(FORMER) as code, stack(wanted) as running:
        running.simulator.app(queue_seconds=0, run_seconds=0.5)
        running.simulator.app("Date", output_file="bad*", outcome="failed")
        running.simulator.app("Date", output_file="endless", run_seconds=None)
        former = Release(running, code, unknown=frozenset(NEW_SETTINGS))
        present = Release(running, ROOT)
        former.start()
        load = Load(running, running.simulator.token(USER), [former.url])

        with load.under_way():
            load.goes_on()
            present.run("db", "migrate")
            present.run("db", "indexes")
            change(load, former, present)
            change(load, present, former)

        assert_all_ended(load, former.url)
        assert_no_defects(running)
        assert_nothing_was_doubled(running)


def change(load: Load, old: Release, new: Release) -> None:
    """Both side by side for a while; then the old one ends. Each reads what the other wrote."""
    new.start()
    load.rotation.insert(0, new.url)
    load.goes_on()
    for workflow in list(load.ends)[-2 * len(KINDS) :]:
        for url in (old.url, new.url):
            for path in READS:
                load.ask(url, "GET", f"/{workflow}{path}")
    old.stop(load)


def assert_all_ended(load: Load, url: str) -> None:
    wait_until(
        lambda: all(load.state(url, workflow) in FINAL for workflow in load.ends),
        "every workflow ends",
        seconds=PATIENCE_SECONDS,
        every_seconds=1,
    )
    wrong = {
        each: load.ask(url, "GET", f"/{each}").json()
        for each in load.ends
        if load.state(url, each) != load.ends[each]
    }
    for workflow, found in wrong.items():
        errors = {step["step_name"]: step.get("error_message") for step in found["steps"]}
        print(workflow, found["status"], load.ends[workflow], found["submitted_at"], errors)  # noqa: T201
    assert wrong == {}
    assert len(load.ends) >= FEWEST


def assert_nothing_was_doubled(running: Stack) -> None:
    keys = Counter(job["user_metadata"] for job in running.simulator.jobs())
    assert [key for key, count in keys.items() if count > 1] == []


def assert_no_defects(running: Stack) -> None:
    """No process logged an error, except that the former release knows no messages of this one: the
    sweep of this one sends them again."""
    lines = [line for log in running.folder.glob("*.log") for line in log.read_text().splitlines()]
    errors = [line for line in lines if '"level": "error"' in line or "Traceback" in line]
    assert [line for line in errors if "unregistered task" not in line] == []
