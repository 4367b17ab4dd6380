"""The simulator as a process of its own, over real HTTP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devstack.servers import in_words
from simulator.client import Simulator
from tests.shared import ROOT

QUICK: Mapping[str, object] = {"preflight_seconds": 0.01, "query_seconds": 0}
"""The switches of tests that are not about load: as many workers, that take less time."""


@contextmanager
def simulator_process(*options: str) -> Iterator[Simulator]:
    """Starts a quick simulator on a free port; ends it afterwards."""
    command = [sys.executable, "-m", "simulator", *in_words(QUICK), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on "), f"the simulator did not start: {line!r}"
        simulator = Simulator(line.split()[-1])
        yield simulator
        simulator.close()
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
