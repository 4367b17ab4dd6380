"""A process may die after any of its effects: another goes on, and no promise is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from tests.reliability.verbs import VERBS
from tests.shared import ROOT
from tests.simulated import simulator_process

pytestmark = pytest.mark.xdist_group("crash-points")  # one run for both tests
PATIENCE = "transactionLifetimeLimitSeconds"
"""For so long MongoDB keeps what the transaction of a dead process has locked."""


@pytest.fixture(scope="module")
def points(mongo: MongoClient, mongo_uri: str) -> Iterator[list[dict[str, Any]]]:
    usual = mongo.admin.command("getParameter", 1, **{PATIENCE: 1})[PATIENCE]
    mongo.admin.command("setParameter", 1, **{PATIENCE: 1})
    yield tried(mongo_uri)
    mongo.admin.command("setParameter", 1, **{PATIENCE: usual})


def tried(mongo_uri: str) -> list[dict[str, Any]]:
    with simulator_process() as simulator:
        done = subprocess.run(
            [sys.executable, "-m", "tests.reliability.crash", mongo_uri, simulator.url],
            check=False,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=860,
        )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"verb"')]
    assert found, done.stderr
    sys.stderr.write(done.stderr)  # why a point broke, should one
    return found


@pytest.mark.timeout(900)
def test_nothing_is_broken_wherever_a_process_dies(points: list[dict[str, Any]]) -> None:
    assert [point for point in points if point["problems"]] == []


def test_every_verb_was_killed_after_each_of_its_effects(points: list[dict[str, Any]]) -> None:
    deaths = Counter(point["verb"] for point in points if point["died"])
    survived = {point["verb"] for point in points if not point["died"]}

    assert survived == {verb.name for verb in VERBS}
    assert all(deaths[verb.name] >= 2 for verb in VERBS), deaths
