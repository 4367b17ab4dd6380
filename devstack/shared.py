"""One set of embedded servers for all set-ups of a folder; it runs while any of them uses it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from devstack import records, servers
from devstack.records import ROOT, VAR
from simulator.client import Simulator

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PROGRESS_SECONDS = 2.5
STOPPING = "the former one stops"
"""The stage of a set-up that is stopping; a new start waits for its end."""


class Failed(Exception):
    """A set-up cannot start or go on; the message is for the terminal."""


_signals_taken: list[int] = []
"""Of ``end_by_signal``: a library that swallows the exception does not lose the signal."""


def stop_event() -> threading.Event:
    """An event that SIGTERM, Ctrl-C and the end of the terminal set."""
    stop = threading.Event()
    if _signals_taken:
        stop.set()
    for number in SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    return stop


def end_by_signal() -> None:
    """The same signals end this process at any line, by an exception: what it started is stopped
    on the way. A second signal does not disturb that."""

    def end(number: int, _: object) -> None:
        _signals_taken.append(number)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in SIGNALS:
        signal.signal(each, end)


@contextmanager
def shared_servers() -> Iterator[dict[str, str]]:
    """Settings that lead to this folder's servers, which are started where they are not there.

    Each user of the servers holds a lock on a file, and keeps it across exec; the servers end when
    no process holds the lock any more.
    """
    VAR.mkdir(exist_ok=True)
    with _users_file() as users, (VAR / "servers.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        os.set_inheritable(users.fileno(), True)
        start_detached("servers")
        facts = records.read("servers")
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield servers.over((facts or {})["env"])


def keep_servers() -> None:
    """Runs the shared servers for as long as a process uses them; SIGTERM ends them sooner."""
    end_by_signal()
    records.announce("servers", "MongoDB, Redis and the simulator start")
    running = servers.start(VAR)
    stop = stop_event()
    # This lock is held until all servers are stopped, so that a new user starts them again.
    with _users_file() as users:
        try:
            records.write("servers", env=running.env)
            while not stop.wait(0.5) and not _is_unused(users):
                for process in running.started:
                    if not process.alive:
                        process.start()
        finally:
            records.announce("servers", STOPPING)
            running.stop()
            records.remove("servers")


def simulator() -> Simulator:
    """The one among the running servers. Raises ``Failed`` where none is."""
    facts = records.read("servers")
    url = facts["env"].get("WORKFLOW_SCHEDULER__URL") if facts else None
    if url is None:
        raise Failed("no simulated BV-BRC is running: ./scripts/start_all.sh starts one")
    return servers.simulator_of(url)


def _is_unused(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _users_file() -> IO[str]:
    return (VAR / "servers.users").open("w")


def start_detached(
    *words: str, record: str = "", report: Callable[[str], None] | None = None
) -> int:
    """A set-up of its own, which outlives us, once it is ready; Ctrl-C before that ends it. One
    that is there, or starts already, is taken as it is; if that one ends first, another is started.

    Its pid. ``report`` takes a line of progress every few seconds. Raises ``Failed`` with what the
    set-up printed where it ends first.
    """
    while True:
        with tempfile.TemporaryFile("w+") as output:
            with records.starting() as lock:
                if records.is_stopped():
                    raise Failed("stop_all.sh has been called since: nothing is started")
                facts = None if record else records.present(words[0])
                child = None if facts else _start_process(words, output, lock)
            pid = facts["pid"] if facts else child.pid if child else 0
            name = (record or words[0]).format(pid=pid)
            _wait_or_end(name, child, report)
            ends_by_itself = facts is not None and facts.get("stage") == STOPPING
            is_ready = records.read(name) is not None
            if child is not None and not is_ready:
                output.seek(0)
                raise Failed(output.read().strip() or f"{name} ended before it was ready")
        if child is not None:
            child.returncode = 0  # the child outlives us: no warning that it was not waited for
        if is_ready and not ends_by_itself:
            return int(pid)


def _wait_or_end(
    name: str, child: subprocess.Popen[bytes] | None, report: Callable[[str], None] | None
) -> None:
    """Waits for a set-up; Ctrl-C, or a signal of ``end_by_signal``, ends it if it is our child."""
    try:
        wait_for(name, lambda: _has_ended(name, child), report)
    except BaseException:
        if child is not None:
            child.terminate()
            child.wait()
        raise


def _start_process(words: tuple[str, ...], output: IO[str], lock: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "devstack", *words],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=ROOT,
        env={**os.environ, records.LOCK_VARIABLE: str(lock)},
        pass_fds=[lock],
        start_new_session=True,
    )


def wait_for(name: str, ended: Callable[[], bool], report: Callable[[str], None] | None) -> None:
    """Returns when the set-up of that name is ready, or has ended."""
    began = reported = time.monotonic()
    while records.read(name) is None and not ended():
        if report and time.monotonic() - reported >= PROGRESS_SECONDS:
            reported = time.monotonic()
            stage = (records.present(name) or {}).get("stage", "Python starts")
            report(f"{reported - began:5.0f} s: {stage}")
        time.sleep(0.1)


def _has_ended(name: str, child: subprocess.Popen[bytes] | None) -> bool:
    return records.present(name) is None if child is None else child.poll() is not None
