"""The destinations of log lines: standard output, and a file that one process writes and rotates.

A full disk loses lines but never stops work; one line on standard error reports it.
"""

from __future__ import annotations

import io
import logging
import os
import stat
import sys
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

FILE_BYTES: Final = 20 * 1024 * 1024
FILES_KEPT: Final = 5


class _ReportsOnce(logging.Handler):
    """Reports that lines cannot be written in one line, once, instead of a traceback for each."""

    _reported = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._reported:
            self._reported = True
            place = getattr(self, "baseFilename", "standard output")
            with suppress(OSError):
                sys.stderr.write(f"log lines are lost: {place}: {error.strerror}\n")


class _StandardOutput(_ReportsOnce, logging.StreamHandler[io.TextIOBase]):
    pass


class _File(_ReportsOnce, RotatingFileHandler):
    def _open(self) -> io.TextIOWrapper:
        """Opens a file that only its owner may read: logs name users, files and parameters."""
        stream = super()._open()
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            os.fchmod(stream.fileno(), 0o600)
        return stream


def standard_output() -> logging.Handler:
    """Writes to ``sys.stdout``; what its encoding cannot express is escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return _StandardOutput(sys.stdout)  # type: ignore[arg-type]  # a text stream of any class


def rotating_file(path: Path) -> logging.Handler:
    """Appends to a file of at most ``FILE_BYTES``. Raises ``OSError`` where it cannot be opened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _File(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
