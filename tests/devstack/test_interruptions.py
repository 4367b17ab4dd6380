"""A folder starts after any interruption, with its data, and a stop ends what starts, too."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo import MongoClient

from devstack import processes
from devstack.processes import Process, wait_until
from tests.devstack.conftest import LONG, Marked
from tests.shared import ROOT

STAGES = {"": 2, "\0all\0": 4, "\0servers\0": 4, "mongod\0": 7, "gunicorn\0": 3}
"""What runs when a start is interrupted, and how many of the 20 interruptions come then; a start
that has come so far runs through the next stage within the moment that follows."""
LONGEST_MOMENT = 1.5
AT_ONCE = 0.05
"""Seconds between two looks where the moment matters."""
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
    stages = [stage for stage, times in STAGES.items() for _ in range(times)]
    chance.shuffle(stages)
    starts = []
    for number, stage in enumerate(stages):
        starts.append(interrupt_a_start(marked, stage, chance))
        if number == len(stages) // 2:
            starts.append(keep_something(marked))

    assert started(marked).returncode == 0
    with MongoClient(str(uri_of(marked))) as client:
        assert client.kept.things.find_one() == {"_id": 1}
    assert marked.run("down").returncode == 0
    wait_until(lambda: not any(start.alive for start in starts), "each has ended", seconds=120)
    wait_until(lambda: not marked.alive(), "nothing is left", seconds=120)


def interrupt_a_start(marked: Marked, stage: str, chance: random.Random) -> Process:
    """At a random moment of a stage, with a random signal, to the command or to what it has
    started."""
    start = marked.start("up", f"--port={processes.free_port()}")
    wait_until(
        lambda: not start.alive or bool(marked.alive(stage)), "it is so far", seconds=LONG,
        every_seconds=AT_ONCE,
    )  # fmt: skip
    with suppress(processes.NotReady):
        wait_until(lambda: not start.alive, "a moment", seconds=chance.uniform(0, LONGEST_MOMENT))
    number = chance.choice(SIGNALS)
    for pid in marked.alive(chance.choice(SET_UPS)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    if chance.random() < 0.5:
        assert marked.run("down").returncode == 0
        wait_until(lambda: not start.alive, "it ends with what it waits for", seconds=120)
        wait_until(lambda: not marked.alive(), "nothing is left", seconds=120)
    return start


@pytest.mark.usefixtures("interruptible")
def test_a_start_whose_servers_die_keeps_no_further_start_waiting(marked: Marked) -> None:
    first = marked.start("up", f"--port={processes.free_port()}")
    wait_until(lambda: bool(marked.alive("gunicorn")), "it is so far", seconds=LONG, process=first)
    for pid in marked.alive("\0servers\0"):
        os.kill(pid, signal.SIGKILL)

    started(marked)

    assert marked.run("down").returncode == 0
    wait_until(lambda: not first.alive, "the first command has ended", seconds=120)
    wait_until(lambda: not marked.alive(), "nothing is left", seconds=120)


def started(marked: Marked) -> subprocess.CompletedProcess[str]:
    up = marked.run("up", f"--port={processes.free_port()}")
    assert up.returncode == 0, up.stderr
    return up


def keep_something(marked: Marked) -> Process:
    """Stores a document, in servers that start; the start that has brought them goes on."""
    marked.run("down")
    start = marked.start("up", f"--port={processes.free_port()}")
    wait_until(
        lambda: marked.is_ready("servers"), "the servers are there", seconds=LONG, process=start
    )
    with MongoClient(str(uri_of(marked))) as client:
        client.kept.things.insert_one({"_id": 1})
    return start


def uri_of(marked: Marked) -> object:
    env = marked.record("servers")["env"]
    assert isinstance(env, dict)
    return env["WORKFLOW_MONGODB__URI"]


@pytest.mark.parametrize("moment", ["\0all\0", "\0servers\0", "mongod", "gunicorn"])
def test_a_stop_ends_exactly_what_has_been_started_so_far(marked: Marked, moment: str) -> None:
    start = marked.start("up", f"--port={processes.free_port()}")
    wait_until(
        lambda: bool(marked.alive(moment)), "it is so far", seconds=LONG, process=start,
        every_seconds=AT_ONCE,
    )  # fmt: skip

    down = marked.run("down")

    assert down.stdout.startswith("stopped all"), down.stderr
    wait_until(lambda: not start.alive, "the command ends too")
    # A server that took no SIGTERM is killed last, and dies a moment later.
    wait_until(lambda: not marked.alive(), "nothing is left")
    assert marked.run("down").stdout == "nothing was running\n"


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_in_the_first_seconds_gives_no_traceback(tmp_path: Path) -> None:
    scripts = ("start_all.sh", "demo.sh", "start_executor.sh", "stop_all.sh")
    folders = {script: Marked(tmp_path / script) for script in scripts}
    for moment in (0.05, 0.2, 0.4, 0.8, 1.6, 3.0):
        interrupt_scripts(folders, moment)
    for it in folders.values():
        assert "Traceback" not in (it.folder / "log").read_text()
        wait_until(lambda it=it: not it.alive(), "nothing is left", seconds=120)


def interrupt_scripts(folders: Mapping[str, Marked], moment: float) -> None:
    """Starts each script in its folder, and sends all of them Ctrl-C so many seconds later."""
    commands = [start_script(script, it) for script, it in folders.items()]
    with suppress(processes.NotReady):
        wait_until(lambda: not alive(commands), "a moment", seconds=moment)
    for command in alive(commands):
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGINT)
    wait_until(lambda: not alive(commands), "they end", seconds=120)


def start_script(script: str, it: Marked) -> Process:
    return processes.start(script, [ROOT / "scripts" / script], log=it.folder / "log", env=it.env)


def alive(commands: Sequence[Process]) -> list[Process]:
    return [command for command in commands if command.alive]
