"""One set of embedded servers for all set-ups of a folder: there for as long as anybody uses it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from devstack import records, servers
from devstack.records import ROOT, VAR
from simulator.client import Simulator


class Failed(Exception):
    """A set-up cannot start or go on; the message is for the terminal."""


def told_to_stop() -> threading.Event:
    """An event that SIGTERM, Ctrl-C and the end of the terminal set."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    return told


@contextmanager
def shared_servers() -> Iterator[dict[str, str]]:
    """Settings that lead to this folder's servers, which are started where they are not there.

    Whoever uses them holds a lock on a file, and a process that it becomes still does; the servers
    end when nobody holds it any more.
    """
    VAR.mkdir(exist_ok=True)
    with _users_file() as users, (VAR / "servers.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        os.set_inheritable(users.fileno(), True)
        facts = records.read("servers")
        if facts is None:
            detached("servers")
            facts = records.read("servers")
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield servers.over((facts or {})["env"])


def keep_servers() -> None:
    """Runs the shared servers for as long as somebody uses them; SIGTERM ends them sooner."""
    told = told_to_stop()
    running = servers.start(VAR)
    # The lock that says "nobody" is held until all is stopped: who comes now starts them anew.
    with _users_file() as users:
        try:
            records.write("servers", env=running.env)
            while not told.wait(0.5) and not _nobody_uses(users):
                for process in running.started:
                    if not process.alive:
                        process.start()
        finally:
            running.stop()
            records.remove("servers")


def simulator() -> Simulator:
    """The one among the running servers. Raises ``Failed`` where none is."""
    facts = records.read("servers")
    url = facts["env"].get("WORKFLOW_SCHEDULER__URL") if facts else None
    if url is None:
        raise Failed("no simulated BV-BRC is running: ./scripts/start_all.sh starts one")
    return servers.simulator_of(url)


def _nobody_uses(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _users_file() -> IO[str]:
    return (VAR / "servers.users").open("w")


def detached(*words: str, record: str = "") -> int:
    """Starts a set-up of its own, which outlives us, and waits until it has recorded itself; Ctrl-C
    before that ends it.

    Its pid. Raises ``Failed`` with what it said where it ends first.
    """
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "devstack", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,
        )
        name = (record or words[0]).format(pid=child.pid)
        try:
            while records.read(name) is None and not _ended(child):
                pass
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise
        if child.returncode is not None:
            output.seek(0)
            raise Failed(output.read().strip())
    child.returncode = 0  # it goes on without us: no complaint that nobody waited for it
    return child.pid


def _ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it ends within a tenth of a second."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(0.1)
    return child.returncode is not None
