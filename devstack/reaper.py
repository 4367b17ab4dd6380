"""Ends the processes of a parent that has ended, however it ended.

A separate program (``python reaper.py``), controlled by its standard input: a line ``add PGID``
names a process group, ``gone PGID`` takes it back, ``folder PATH`` names a folder, ``mark
NAME=VALUE`` what stands in the environment of every child. The parent holds the other end of the
pipe; when it ends, also by SIGKILL, the pipe does: every group that is still named, and every
process with the mark, gets SIGTERM, then SIGKILL, and every folder is removed. The mark finds a
child that was started at the line at which its parent was killed. ``bye`` says that there is none.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

GRACE_SECONDS = 5.0
LATE_SECONDS = 1.0
"""How long after its parent's death a child that is only forked may take to show the mark."""


@dataclass
class Left:
    """The processes and folders of a parent."""

    groups: set[int] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)
    mark: str = ""
    orderly: bool = False


def listen(lines: Iterable[str]) -> Left:
    """The processes and folders that remain when the input ends."""
    left = Left()
    for line in lines:
        verb, _, what = line.rstrip("\n").partition(" ")
        if verb == "add":
            left.groups.add(int(what))
        elif verb == "gone":
            left.groups.discard(int(what))
        elif verb == "folder":
            left.folders.append(what)
        elif verb == "mark":
            left.mark = what
        elif verb == "bye":
            left.orderly = True
    return left


def find_marked_groups(mark: str) -> set[int]:
    """The groups of processes with the mark in their environment; none where there is no /proc."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.add(os.getpgid(int(folder.name)))
    return found


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
    left = listen(sys.stdin)
    end(left.groups)
    until = time.monotonic() + (0 if left.orderly else LATE_SECONDS)
    while left.mark:
        end(find_marked_groups(left.mark))
        if time.monotonic() >= until:
            break
        time.sleep(0.1)
    for folder in left.folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
