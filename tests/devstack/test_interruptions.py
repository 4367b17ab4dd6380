"""A folder starts after any interruption, with its data, and a stop ends what starts, too."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo import MongoClient

from devstack import processes
from devstack.processes import Process, wait_until
from tests.devstack.conftest import LONG, Marked
from tests.shared import ROOT

INTERRUPTIONS = 20
LONGEST_SECONDS = 8.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
SET_UPS = ("\0up\0", "\0all\0", "\0servers\0", "mongod\0")


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("interruptible")
def test_it_starts_after_interruptions_at_any_moment_and_keeps_its_data(
    marked: Marked,
) -> None:
    seed = time.time_ns() % 10**6
    chance = random.Random(seed)  # noqa: S311 - moments are no secrets
    print(f"seed {seed}")  # noqa: T201 - pytest shows it where the test fails
    starts = []
    for number in range(INTERRUPTIONS):
        starts.append(interrupt_a_start(marked, chance))
        if number == INTERRUPTIONS // 2:
            keep_something(marked)

    assert started(marked).returncode == 0
    with MongoClient(str(uri_of(marked))) as client:
        assert client.kept.things.find_one() == {"_id": 1}
    assert marked.run("down").returncode == 0
    wait_until(lambda: not any(start.alive for start in starts), "each has ended", seconds=60)
    wait_until(lambda: not marked.alive(), "nothing is left", seconds=60)


def interrupt_a_start(marked: Marked, chance: random.Random) -> Process:
    """At a random moment, with a random signal, to the command or to what it has started."""
    start = marked.start("up", f"--port={processes.free_port()}")
    with suppress(processes.NotReady):
        wait_until(lambda: not start.alive, "a moment", seconds=chance.uniform(0, LONGEST_SECONDS))
    number = chance.choice(SIGNALS)
    for pid in marked.alive(chance.choice(SET_UPS)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    if chance.random() < 0.5:
        assert marked.run("down").returncode == 0
        wait_until(lambda: not start.alive, "it ends with what it waits for", seconds=60)
        wait_until(lambda: not marked.alive(), "nothing is left", seconds=60)
    return start


@pytest.mark.usefixtures("interruptible")
def test_a_start_whose_servers_die_keeps_no_further_start_waiting(marked: Marked) -> None:
    first = marked.start("up", f"--port={processes.free_port()}")
    wait_until(lambda: bool(marked.alive("gunicorn")), "it is so far", seconds=LONG, process=first)
    for pid in marked.alive("\0servers\0"):
        os.kill(pid, signal.SIGKILL)

    started(marked)

    assert marked.run("down").returncode == 0
    wait_until(lambda: not first.alive, "the first command has ended", seconds=60)
    wait_until(lambda: not marked.alive(), "nothing is left", seconds=60)


def started(marked: Marked) -> subprocess.CompletedProcess[str]:
    up = marked.run("up", f"--port={processes.free_port()}")
    assert up.returncode == 0, up.stderr
    return up


def keep_something(marked: Marked) -> None:
    marked.run("down")
    started(marked)
    with MongoClient(str(uri_of(marked))) as client:
        client.kept.things.insert_one({"_id": 1})


def uri_of(marked: Marked) -> object:
    env = marked.record("servers")["env"]
    assert isinstance(env, dict)
    return env["WORKFLOW_MONGODB__URI"]


@pytest.mark.parametrize("moment", ["\0all\0", "\0servers\0", "mongod", "gunicorn"])
def test_a_stop_ends_exactly_what_has_been_started_so_far(marked: Marked, moment: str) -> None:
    start = marked.start("up", f"--port={processes.free_port()}")
    wait_until(lambda: bool(marked.alive(moment)), "it is so far", seconds=LONG, process=start)

    down = marked.run("down")

    assert down.stdout.startswith("stopped all"), down.stderr
    wait_until(lambda: not start.alive, "the command ends too")
    assert [pid for pid in marked.alive() if "starting" not in command_of(pid)] == []
    assert marked.run("down").stdout == "nothing was running\n"


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("script", ["start_all.sh", "demo.sh", "start_executor.sh", "stop_all.sh"])
def test_ctrl_c_in_the_first_seconds_gives_no_traceback(marked: Marked, script: str) -> None:
    for moment in (0.05, 0.2, 0.4, 0.8, 1.6, 3.0):
        command = processes.start(
            script, [ROOT / "scripts" / script], log=marked.folder / "log", env=marked.env
        )
        with suppress(processes.NotReady):
            wait_until(lambda c=command: not c.alive, "a moment", seconds=moment)

        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGINT)

        wait_until(lambda c=command: not c.alive, "it ends", seconds=60)
    assert "Traceback" not in (marked.folder / "log").read_text()
    wait_until(lambda: not marked.alive(), "nothing is left", seconds=60)
