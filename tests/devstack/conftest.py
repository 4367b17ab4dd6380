"""Commands of devstack, run in a folder of their own, and all that comes of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devstack import processes
from devstack.processes import Process
from tests.shared import ROOT

LONG = 200
"""Seconds that a start may take where much else runs."""


class Marked:
    """Starts commands of devstack, and finds all that came of them by a mark in the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"DEVSTACK_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        self.env = {name: value, "DEVSTACK_VAR": str(folder)}

    def start(self, *words: str) -> Process:
        command = [sys.executable, "-m", "devstack", *with_own_port(words)]
        name = words[0]
        return processes.start(
            name, command, log=self.folder / f"{name}.txt", env=self.env, folder=ROOT
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "devstack", *with_own_port(words)],
            env={**os.environ, **self.env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG,
        )

    def alive(self, word: str = "") -> list[int]:
        """The pids of what carries the mark and has the word in its command line."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
                if word in command and self._is_in(folder / "environ"):
                    found.append(int(folder.name))
        return found

    def _is_in(self, environment: Path) -> bool:
        return self.mark.encode() in environment.read_bytes().split(b"\0")

    def is_ready(self, name: str) -> bool:
        """Whether the set-up of that name runs and has said that it is ready."""
        with suppress(OSError, ValueError):
            facts = self.record(name)
            return bool(facts["ready"]) and Path(f"/proc/{facts['pid']}").exists()
        return False

    def record(self, name: str) -> dict[str, object]:
        return dict(json.loads((self.folder / f"run/{name}.json").read_text()))


def with_own_port(words: tuple[str, ...]) -> list[str]:
    """The words of a command; ``up`` serves agents on a port of its own."""
    if words[0] != "up" or any(word.startswith("--mcp-port") for word in words):
        return [*words]
    return [*words, f"--mcp-port={processes.free_port()}"]


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a newcomer's machine."""
    for name in list(os.environ):
        if name.startswith("WORKFLOW_"):
            monkeypatch.delenv(name)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Where a shell put us into the background, we ignore Ctrl-C, and so would what we start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Marked]:
    it = Marked(tmp_path)
    yield it
    for pid in it.alive():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
