"""The API is restarted while it is used: systemd holds the socket, so that nobody is refused."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from devstack.processes import wait_until
from devstack.stack import ROOT, Stack, Wanted, stack
from tests.operations.conftest import Product

GRACEFUL_SECONDS = 20
"""As gunicorn.conf.py has it."""
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
    with stack(Wanted(workers=0, beats=0)) as found:
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
                env={**os.environ, **self.running.env},
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
        wait_until(self.ended, "the API has ended", seconds=40)
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
            wait_until(found.ended, "the API has ended", seconds=40)


def test_a_restart_refuses_no_request(running: Stack, api: Activated) -> None:
    product = Product(running)
    product.submit()
    done, failed, over = list[str](), list[Exception](), threading.Event()

    def use() -> None:
        while not over.is_set():
            try:
                done.append(product.submit())
            except (requests.RequestException, AssertionError) as failure:
                failed.append(failure)

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    for _ in range(2):
        api.restart()
        wanted = len(done) + 20
        wait_until(lambda now=wanted: len(done) > now, "it serves again", seconds=90)
    over.set()
    for user in users:
        user.join()

    assert failed == []
    assert len(set(done)) == len(done)


def test_a_restart_does_not_wait_for_those_who_watch_live(running: Stack, api: Activated) -> None:
    product = Product(running)
    with product.watch(product.submit()) as watching:
        assert next(watching.iter_content(None))
        api.tell_to_end()

        wait_until(api.ended, "the API has ended", seconds=GRACEFUL_SECONDS / 2)

        api.start()
