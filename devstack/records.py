"""Records of the running set-ups: a file in ``var/run`` for each, with its exact pid.

A set-up has a record from its start. Between its start and its record it holds a lock, so that the
holder of the lock sees all set-ups. This module needs no installed package.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from devstack.processes import NotReady, wait_until

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("DEVSTACK_VAR") or ROOT / "var")
"""The folder of the files that this checkout's set-ups share and keep."""
RUN = VAR / "run"


LOCK_VARIABLE = "DEVSTACK_STARTING"
"""Hands a child the descriptor of the lock that it holds until it has a record."""


@contextmanager
def starting() -> Iterator[int]:
    """Holds the lock of those that start; the descriptor, for a child to hold it too."""
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def announce(name: str, stage: str) -> None:
    """Records this process as one that starts, and what it waits for; others may start now."""
    _write(name, ready=False, stage=stage)
    if descriptor := os.environ.pop(LOCK_VARIABLE, ""):
        with suppress(OSError):
            os.close(int(descriptor))


def write(name: str, **facts: object) -> None:
    """Records this process as ready, with the facts that other processes need."""
    _write(name, ready=True, **facts)


def _write(name: str, **facts: object) -> None:
    RUN.mkdir(parents=True, exist_ok=True)
    draft = RUN / f".{name}.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps({"pid": os.getpid(), "since": _since(os.getpid()), **facts}))
    draft.replace(RUN / f"{name}.json")


def read(name: str) -> dict[str, Any] | None:
    """The facts of a ready process; None if it is not ready or has ended, even if its file is
    still there."""
    facts = present(name)
    return facts if facts and facts["ready"] else None


def present(name: str) -> dict[str, Any] | None:
    """The facts of a running process, ready or not."""
    try:
        facts: dict[str, Any] = json.loads((RUN / f"{name}.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return facts if facts["since"] == _since(facts["pid"]) else None


def remove(name: str) -> None:
    (RUN / f"{name}.json").unlink(missing_ok=True)


def names() -> list[str]:
    """The names of all files, also of processes that have ended."""
    return sorted(file.stem for file in RUN.glob("*.json"))


def stop(name: str, grace_seconds: float = 120) -> bool:
    """SIGTERM to exactly that process, SIGKILL after the grace; False where there was none."""
    facts = present(name)
    if facts is not None:
        pid, since = facts["pid"], facts["since"]
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        try:
            wait_until(lambda: _since(pid) != since, f"{name} ended", seconds=grace_seconds)
        except NotReady:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: _since(pid) != since, f"{name} ended")
    remove(name)
    return facts is not None


def stop_all() -> list[str]:
    """Stops every set-up of this folder, those that start too, and waits for their end. A command
    that began before, and has started nothing yet, starts nothing any more."""
    with starting():
        _stop_mark().touch()
        # Those that use the servers before the servers.
        return [name for name in sorted(names(), key="servers".__eq__) if stop(name)]


def is_stopped() -> bool:
    """Whether a stop has come since this process began. Call it while you hold the lock."""
    try:
        stopped = _stop_mark().stat().st_mtime
    except FileNotFoundError:
        return False
    began = _since(os.getpid())
    if not began.isdigit():
        return False
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    age_seconds = since_boot - int(began) / os.sysconf("SC_CLK_TCK")
    # A tick of the clock that processes begin by is 0.01 s.
    return stopped > time.time() - age_seconds + 0.02


def _stop_mark() -> Path:
    return RUN / "stopped"


def _since(pid: int) -> str:
    """The process's start time, which distinguishes it from a later one with the same pid. Empty:
    it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _since_elsewhere(pid)
    state, began = fields[0], fields[19]
    return "" if state == "Z" else began


def _since_elsewhere(pid: int) -> str:
    """The same on systems without /proc."""
    if Path("/proc/self").exists():
        return ""
    asked = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()
