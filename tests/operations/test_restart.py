"""Every process is restarted in turn under load: systemd holds the API's socket, so that nobody is
refused; nothing is lost and nothing is done twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests

from devstack.processes import Process, wait_until
from devstack.stack import ROOT, Stack, Wanted, stack
from tests.operations.conftest import Product
from tests.simulated import QUICK

GRACEFUL_SECONDS = 280
"""For the requests under way; who waits for it is late, whatever else the machine does."""
PAUSE_SECONDS = 0.2
"""Of each user between two workflows."""
INHERITED = 3
"""The descriptor that systemd hands over."""
LAUNCH = f"""
import os, sys
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.dup2(int(sys.argv[1]), {INHERITED}, inheritable=True)
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "wsgi:app"])
"""


pytestmark = pytest.mark.xdist_group("operations")


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    settings = {"executor.polling_interval_seconds": 0.5}
    with stack(Wanted(workers=2, settings=settings, simulator=QUICK)) as found:
        found.simulator.app(queue_seconds=0, run_seconds=0.5)
        yield found


@dataclass
class Activated:
    """gunicorn on a socket that outlives it, as systemd starts it."""

    listening: socket.socket
    running: Stack
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.running.folder / "api.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(self.listening.fileno())],
                env={
                    **os.environ,
                    **self.running.env,
                    "GUNICORN_CMD_ARGS": f"--graceful-timeout={GRACEFUL_SECONDS}",
                },
                pass_fds=[self.listening.fileno()],
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )

    def tell_to_end(self) -> None:
        assert self.process
        self.process.terminate()

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def restart(self) -> None:
        self.tell_to_end()
        wait_until(self.ended, "the API has ended")
        self.start()


@pytest.fixture
def api(running: Stack) -> Iterator[Activated]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        found = Activated(listening, running)
        found.start()
        try:
            running.api_urls[:] = [f"http://127.0.0.1:{listening.getsockname()[1]}"]
            yield found
        finally:
            found.tell_to_end()
            wait_until(found.ended, "the API has ended")


@dataclass
class Load:
    """Users who submit one workflow after the other, and look at it."""

    product: Product
    done: list[str] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def use(self) -> None:
        while not self.over.wait(PAUSE_SECONDS):
            try:
                workflow = self.product.submit("", "a")
                self.done.append(workflow)
                path = f"/api/v1/workflows/{workflow}/status"
                assert self.product.get(path, timeout=90).json()["status"]
            except (requests.RequestException, AssertionError, KeyError) as failure:
                self.failed.append(failure)

    def goes_on(self) -> None:
        wanted = len(self.done) + 5
        wait_until(lambda: len(self.done) > wanted, "it serves")

    @contextmanager
    def under_way(self) -> Iterator[None]:
        users = [threading.Thread(target=self.use) for _ in range(3)]
        for user in users:
            user.start()
        try:
            yield
        finally:
            self.over.set()
            for user in users:
                user.join()


def restarted(process: Process) -> None:
    """As systemd does it: SIGTERM, and nothing worse."""
    process.signal(signal.SIGTERM)
    wait_until(lambda: not process.alive, f"{process.name} has ended")
    process.start()


def test_a_rolling_restart_fails_no_request_and_loses_and_doubles_nothing(
    running: Stack, api: Activated
) -> None:
    product = Product(running)
    wait_until(product.serves, "the API answers")
    product.is_well()
    load = Load(product)

    with load.under_way():
        for process in (*running.workers, *running.beats):
            load.goes_on()
            restarted(process)
        wait_until(lambda: product.workers() == 2, "both are back")
        api.restart()
        load.goes_on()

    assert load.failed == []
    assert len(set(load.done)) == len(load.done) > 20
    for workflow in load.done:
        wait_until(lambda each=workflow: product.status(each) == "succeeded", "done")
    keys = [job["user_metadata"] for job in running.simulator.jobs(app="Date")]
    assert len(keys) == len(set(keys)) == 2 * len(load.done)


def test_a_restart_does_not_wait_for_those_who_watch_live(running: Stack, api: Activated) -> None:
    product = Product(running)
    with product.watch(product.submit()) as watching:
        assert next(watching.iter_content(None))
        api.tell_to_end()

        wait_until(api.ended, "the API has ended", seconds=GRACEFUL_SECONDS / 3)

        api.start()
