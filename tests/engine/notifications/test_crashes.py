"""A process may die after any of its writes: no message is lost, and none has two contents."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from simulator.client import Simulator
from tests.engine.notifications.receiver import Receiver
from tests.shared import ROOT

PATIENCE = "transactionLifetimeLimitSeconds"


@pytest.fixture
def hasty(mongo: MongoClient) -> Iterator[None]:
    """MongoDB soon forgets what the transaction of a dead process has locked."""
    usual = mongo.admin.command("getParameter", 1, **{PATIENCE: 1})[PATIENCE]
    mongo.admin.command("setParameter", 1, **{PATIENCE: 1})
    yield
    mongo.admin.command("setParameter", 1, **{PATIENCE: usual})


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("verb", ["advance", "deliver"])
def test_wherever_a_process_dies_every_event_comes_with_one_content(
    mongo_uri: str, database: str, simulator: Simulator, there: Receiver, verb: str
) -> None:
    arguments = [mongo_uri, database, simulator.url, there.url, verb]
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.notifications.crash", *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stderr
    there.secret = found[0]["secret"]
    points = found[1:]
    heard: dict[str, set[int]] = {point["workflow"]: set() for point in points}
    for each in there.heard():
        heard[each.content["data"]["workflow_id"]].add(each.content["data"]["sequence"])

    assert [point["died"] for point in points] == [True] * (len(points) - 1) + [False]
    assert len(points) > 4
    for point in points:
        numbers = set(range(1, point["events"] + 1))
        found_numbers = heard[point["workflow"]]
        assert found_numbers == numbers if verb == "advance" else len(found_numbers) == 1
    assert all(len(bodies) == 1 for bodies in there.bodies().values())
