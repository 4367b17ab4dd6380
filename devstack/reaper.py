"""Ends the processes of a parent that has ended, however it ended.

A separate program (``python reaper.py``), controlled by its standard input: a line ``add PGID``
names a process group, ``gone PGID`` takes it back, ``folder PATH`` names a folder. The parent holds
the other end of the pipe; when it ends, also by SIGKILL, the pipe does, and every group that is
still named gets SIGTERM, then SIGKILL, and every folder is removed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable

GRACE_SECONDS = 5.0


def listen(lines: Iterable[str]) -> tuple[set[int], list[str]]:
    """The groups and folders that remain when the input ends."""
    groups: set[int] = set()
    folders: list[str] = []
    for line in lines:
        verb, _, what = line.rstrip("\n").partition(" ")
        if verb == "add":
            groups.add(int(what))
        elif verb == "gone":
            groups.discard(int(what))
        elif verb == "folder":
            folders.append(what)
    return groups, folders


def send(group: int, number: int) -> bool:
    """Signals a process group; False if no process of it is left."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(groups: Iterable[int]) -> None:
    """Sends SIGTERM to all groups, and SIGKILL to those that remain after the grace."""
    left = [group for group in groups if send(group, signal.SIGTERM)]
    deadline = time.monotonic() + GRACE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [group for group in left if send(group, 0)]
    for group in left:
        send(group, signal.SIGKILL)


def main() -> None:
    """Waits for the end of standard input and ignores the terminal's signals while it waits."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups, folders = listen(sys.stdin)
    end(groups)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
