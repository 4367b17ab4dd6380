"""The workflows' log files: one each, of bounded size, kept for a bounded time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SUFFIXES = (".log", ".log.1")


def _private(path: str, flags: int) -> int:
    """Opens a file that its owner alone may read: logs name users, files and parameters."""
    return os.open(path, flags, 0o600)


@dataclass(frozen=True, slots=True)
class WorkflowLogs:
    """A folder of files ``<workflow id>.log`` that the processes of a host share."""

    folder: Path
    largest_bytes: int
    """A file that reaches it becomes ``.log.1``, in place of the former one."""
    days: float
    """How long a file is kept after its last line; 0: for ever."""

    def append(self, workflow: str, lines: str) -> None:
        """In one write, so that lines of several processes do not mix. Raises ``OSError``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{workflow}.log"
        with open(path, "ab", buffering=0, opener=_private) as file:
            file.write(lines.encode())
            full = file.tell() >= self.largest_bytes
        if full:
            self._rotate(path)

    def remove(self, workflows: Iterable[str]) -> int:
        """Remove the files of these workflows; how many there were. Raises ``OSError``."""
        paths = [self.folder / f"{each}{suffix}" for each in workflows for suffix in _SUFFIXES]
        there = [path for path in paths if path.exists()]
        for path in there:
            path.unlink(missing_ok=True)
        return len(there)

    def tidy(self) -> int:
        """Removes files older than the limit and returns their number. Raises ``OSError``."""
        if not self.days or not self.folder.is_dir():
            return 0
        oldest = time.time() - self.days * 86_400
        old = [
            path
            for path in self.folder.iterdir()
            if path.name.endswith(_SUFFIXES) and path.stat().st_mtime < oldest
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _rotate(self, path: Path) -> None:
        """Rotates a file; one process at a time, and only if no other process has just rotated
        it."""
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_size >= self.largest_bytes:
                path.replace(path.with_name(f"{path.name}.1"))
