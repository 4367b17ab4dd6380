"""Child processes by exact pid: start them, wait for a condition, and end them in every case.

Each child leads a process group of its own (its children end with it, and Ctrl-C reaches only us),
writes to a log file, and is registered with a reaper that ends it if we are killed.
"""

from __future__ import annotations

import atexit
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from devstack import reaper

PORTS = range(20000, 32000)
"""Below the range that the kernel gives to outgoing connections, so that none takes our port."""
OFTEN, SELDOM = 0.02, 0.25
"""Seconds between two looks at a condition."""
RESERVED = 100
"""How many ports one process keeps from the others; the server that it starts on one binds soon."""


class NotReady(RuntimeError):
    """A condition did not become true in time, or the process that it depends on ended."""


NAMED_TO_REAPER = ("/bin/sh", "-c", 'echo "add $$" >&0; exec "$@" </dev/null', "sh")
"""Starts a command that has named itself to the reaper before it runs: no line of ours at which we
are killed lies between. The standard input is the pipe to the reaper."""


@dataclass(slots=True)
class Process:
    """A child process, and how to start it again."""

    name: str
    command: tuple[str, ...]
    log: Path | None
    """The file of its output; None: our own output."""
    env: Mapping[str, str] = field(repr=False)
    folder: Path
    """Its working folder."""
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    """Its start time, on the monotonic clock."""

    @property
    def pid(self) -> int:
        return self.popen.pid if self.popen else 0

    @property
    def alive(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    @property
    def age_seconds(self) -> float:
        """Since its last start."""
        return time.monotonic() - self.started

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or before it ever did."""
        return self.popen.poll() if self.popen else None

    def start(self) -> None:
        """Starts it; its output is appended to the log."""
        if self.popen is not None:
            _tell_reaper(f"gone {self.pid}")
        with _open_log(self.log) as output:
            self.popen = subprocess.Popen(
                [*NAMED_TO_REAPER, *self.command],
                stdin=_reaper().stdin,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                env=dict(self.env),
                cwd=self.folder,
                start_new_session=True,
            )
        self.started = time.monotonic()

    def signal(self, number: int) -> None:
        """Signals the process alone, e.g. SIGSTOP; nothing happens where it has ended."""
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group, and waits for the end."""
        self._end(signal.SIGKILL, 60)

    def stop(self, grace_seconds: float = 15) -> None:
        """SIGTERM to the process; SIGKILL to its whole group after the grace."""
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(grace_seconds)  # type: ignore[union-attr]  # alive says so
        self.kill()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, number: int, grace_seconds: float) -> None:
        if self.popen is None:
            return
        reaper.send(self.pid, number)
        self.popen.wait(grace_seconds)
        _tell_reaper(f"gone {self.pid}")


@contextmanager
def _open_log(log: Path | None) -> Iterator[IO[bytes] | None]:
    if log is None:
        yield None
    else:
        log.parent.mkdir(parents=True, exist_ok=True)
        # For its owner alone, also where it was there before: it names users and workflows.
        log.touch(mode=0o600)
        log.chmod(0o600)
        with log.open("ab") as output:
            yield output


def start(
    name: str,
    command: Sequence[str | Path | int],
    *,
    log: Path | None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Process:
    """A started process. ``env`` is added to ours."""
    process = Process(
        name=name,
        command=tuple(map(str, command)),
        log=log,
        env={**os.environ, **(env or {})},
        folder=folder or Path.cwd(),
    )
    process.start()
    return process


def wait_until(
    condition: Callable[[], bool],
    what: str,
    *,
    seconds: float = 120,
    process: Process | None = None,
    every_seconds: float | None = None,
) -> None:
    """Waits for a condition; ``NotReady`` at the deadline, or at once where the process ended.

    Without ``every_seconds`` it looks often at first, and later less often, as each look costs what
    is waited for. The last look begins after the deadline, since this process may have stood still
    until then.
    """
    began = time.monotonic()
    is_last = False
    while not condition():
        if process is not None and not process.alive:
            raise NotReady(
                f"{process.name} ended with exit code {process.exit_code} before {what}"
                f" ({process.log}):\n{process.tail()}"
            )
        if is_last:
            tail = f" ({process.log}):\n{process.tail()}" if process else ""
            raise NotReady(f"not within {seconds:g} s: {what}{tail}")
        waited = time.monotonic() - began
        pause = _pause(waited) if every_seconds is None else every_seconds
        time.sleep(max(min(pause, seconds - waited), 0))
        is_last = time.monotonic() - began >= seconds


def _pause(waited: float) -> float:
    """Seconds until the next look: a tenth of those waited, within bounds."""
    return min(max(waited / 10, OFTEN), SELDOM)


def listens(port: int) -> bool:
    """Whether a process accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A free loopback port, which is given to no other process that asks here."""
    for port in random.sample(PORTS, k=200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _reserve(port)
            return port
    raise NotReady("no free port on the loopback address")


_reserved: deque[int] = deque()
"""Descriptors of sockets, which nobody closes when this process ends."""


def _reserve(port: int) -> None:
    """Takes the UDP port of that number, which the kernel frees when this process ends. Raises
    ``OSError`` where another process has it."""
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        _reserved.append(taken.detach())
    while len(_reserved) > RESERVED:
        os.close(_reserved.popleft())


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that is removed at the end of the block, or when we are killed."""
    folder = Path(tempfile.gettempdir()) / f"{prefix}{secrets.token_hex(6)}"
    _tell_reaper(f"folder {folder}")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_reapers: dict[int, subprocess.Popen[bytes]] = {}
"""Maps our pid to our reaper; a forked child starts its own."""


def _tell_reaper(line: str) -> None:
    pipe = _reaper().stdin
    if pipe is not None:
        pipe.write(f"{line}\n".encode())
        pipe.flush()


def _reaper() -> subprocess.Popen[bytes]:
    pid = os.getpid()
    if pid not in _reapers:
        _reapers[pid] = _start_reaper()
    return _reapers[pid]


def _start_reaper() -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", reaper.__file__],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    atexit.register(_dismiss_reaper, os.getpid())
    return child


def _dismiss_reaper(parent: int) -> None:
    """Closes the reaper's input, at which it ends the remaining processes and itself."""
    if parent == os.getpid():
        _reapers.pop(parent).communicate()
