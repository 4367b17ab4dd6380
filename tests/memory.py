"""Where the tests' servers keep their files: in memory, where that has room."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

PLACE = Path("/dev/shm")  # noqa: S108 - it is for this
ROOM_BYTES = 10 * 2**30
"""Six tests at once, of which each may run four servers with 400 MB of files."""


def memory_with_room() -> Path | None:
    """A folder in memory, in which programs may run; None: keep files on the disk as usual."""
    with suppress(OSError, StopIteration, ValueError):
        flags = os.statvfs(PLACE).f_flag
        is_fit = os.access(PLACE, os.W_OK) and not flags & (os.ST_NOEXEC | os.ST_RDONLY)
        if is_fit and min(shutil.disk_usage(PLACE).free, _available_bytes()) >= ROOM_BYTES:
            return PLACE
    return None


def _available_bytes() -> int:
    """What the kernel could give to programs now."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (line,) = (each for each in lines if each.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024
