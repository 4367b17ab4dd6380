"""What the driver's faults do to processes."""

from __future__ import annotations

import threading
from pathlib import Path

from benchmarks.chaos.faults import start_again
from devstack import processes

SLOW = "until [ -e go ]; do sleep 0.02; done; echo up; exec sleep 600"


def test_a_killed_process_is_spared_until_it_is_up_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = processes.start("slow", ["sh", "-c", SLOW], log=log, folder=tmp_path)
    try:
        process.kill()  # before it may say that it is up
        threading.Timer(0.3, (tmp_path / "go").touch).start()
        start_again(process)

        assert log.read_text() == "up\n"
    finally:
        process.kill()
