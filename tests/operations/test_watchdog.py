"""What systemd's watchdog hears: that a process is well, and nothing of one that hangs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import processes
from runtime.watchdog import watchdog_seconds
from tests.runtime.test_processes import start


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Its end of the socket; a message that does not come within two minutes fails the test."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(str(tmp_path / "notify"))
        ours.settimeout(120)
        yield ours


@pytest.fixture
def servers(mongo_uri: str, redis_uri: str) -> dict[str, str]:
    return {"WORKFLOW_MONGODB__URI": mongo_uri, "WORKFLOW_BROKER__URL": redis_uri}


@pytest.mark.parametrize("kind", ["worker", "beat"])
@pytest.mark.parametrize("away", ["", "WORKFLOW_BROKER__URL", "WORKFLOW_MONGODB__URI"])
def test_a_process_says_that_it_is_well(
    tmp_path: Path, systemd: socket.socket, servers: dict[str, str], kind: str, away: str
) -> None:
    """Also while it waits for a server: to start it again would not bring that one back."""
    nowhere = f"127.0.0.1:{processes.free_port()}"
    env = {
        **servers,
        "WORKFLOW_EXECUTOR__POLLING_INTERVAL_SECONDS": "0.3",
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "2000000",
    }
    if away:
        env[away] = env[away].partition("://")[0] + f"://{nowhere}"
    process = start(["-m", "celery", "-A", "tasks", kind], tmp_path, env)
    try:
        heard = [systemd.recv(100) for _ in range(12)]
    finally:
        process.kill()

    assert set(heard) == {b"WATCHDOG=1"}


def test_nothing_is_said_where_no_unit_asks() -> None:
    asked = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "60000000"}

    assert watchdog_seconds(asked) == 60
    assert watchdog_seconds(asked | {"WATCHDOG_PID": str(os.getpid())}) == 60
    assert watchdog_seconds(asked | {"WATCHDOG_PID": "1"}) == 0
    assert watchdog_seconds({"WATCHDOG_USEC": "60000000"}) == 0
    assert watchdog_seconds({"NOTIFY_SOCKET": "/run/notify"}) == 0
