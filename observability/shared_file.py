"""A log file that several processes write and rotate: worker and beat share ``executor.log``."""

from __future__ import annotations

import fcntl
import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO


class SharedRotatingFile(RotatingFileHandler):
    """``RotatingFileHandler``, with one writer at a time and an eye on the others' rotations.

    The standard one renames a file under the others' hands: their lines land in ``.1``, which the
    next to rotate then overwrites.
    """

    def __init__(self, path: Path, **options: object) -> None:
        super().__init__(path, **options)  # type: ignore[arg-type]  # the standard one's own
        self._lock_path = f"{self.baseFilename}.lock"
        self._lock_file: TextIO | None = None
        self._lock_pid = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line, after reopening the file where somebody else has rotated it."""
        lock = self._lock_of_process()
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if self.stream is not None and not self._is_current(self.stream.fileno()):
                self.stream.close()
                self.stream = self._open()
            super().emit(record)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    def _open(self) -> TextIOWrapper:
        """Its owner alone may read it: logs name users, files and parameters."""
        stream = super()._open()
        os.fchmod(stream.fileno(), 0o600)
        return stream

    def _lock_of_process(self) -> TextIO:
        """A child opens its own after a fork: its parent's would be one lock for both."""
        if self._lock_file is None or self._lock_pid != os.getpid():
            self._lock_file = open(self._lock_path, "w")  # noqa: SIM115 - closed with the handler
            self._lock_pid = os.getpid()
        return self._lock_file

    def close(self) -> None:
        super().close()
        if self._lock_file is not None:
            self._lock_file.close()

    def _is_current(self, descriptor: int) -> bool:
        """Is the file that we have open still the one of that name?"""
        try:
            return os.path.samestat(os.stat(self.baseFilename), os.fstat(descriptor))
        except FileNotFoundError:
            return False
