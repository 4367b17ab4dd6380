"""A log file that several processes write and rotate: worker and beat share ``executor.log``."""

from __future__ import annotations

import fcntl
import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path


class SharedRotatingFile(RotatingFileHandler):
    """``RotatingFileHandler``, with one writer at a time and an eye on the others' rotations.

    The standard one renames a file under the others' hands: their lines land in ``.1``, which the
    next to rotate then overwrites.
    """

    def __init__(self, path: Path, **options: object) -> None:
        super().__init__(path, **options)  # type: ignore[arg-type]  # the standard one's own
        self._lock_path = f"{self.baseFilename}.lock"

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line, after reopening the file where somebody else has rotated it."""
        with open(self._lock_path, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.stream is not None and not self._is_current(self.stream.fileno()):
                self.stream.close()
                self.stream = self._open()
            super().emit(record)

    def _is_current(self, descriptor: int) -> bool:
        """Is the file that we have open still the one of that name?"""
        try:
            return os.path.samestat(os.stat(self.baseFilename), os.fstat(descriptor))
        except FileNotFoundError:
            return False
