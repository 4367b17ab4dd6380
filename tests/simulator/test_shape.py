"""The simulator serves calls as the genuine AppService does: a few workers, a slow preflight."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from devstack.processes import wait_until
from devstack.servers import start_simulator
from simulator.client import Simulator
from tests.simulated import simulator_process

ALICE = "alice@patricbrc.org"
FOR_EVER = 600
"""Seconds."""


@pytest.fixture
def token(simulator: Simulator) -> str:
    return simulator.token(ALICE)


PARAMS = {"output_path": f"/{ALICE}/home/out"}


@contextmanager
def starts_under_way(simulator: Simulator, token: str, count: int) -> Iterator[None]:
    """So many calls of ``start_app2``; they end with their worker's work or with the simulator."""
    with ThreadPoolExecutor(count) as threads:
        for number in range(count):
            job = PARAMS | {"output_file": f"f{number}"}
            threads.submit(simulator.rpc, token, "AppService.start_app2", "Date", job, {})
        wait_until(lambda: len(simulator.calls("start_app2")) == count, "the calls have arrived")
        yield


def leave_starts_behind(simulator: Simulator, token: str, count: int) -> None:
    """So many calls of ``start_app2`` whose preflight lasts for longer than any test; their clients
    have left."""
    simulator.switch(preflight_seconds=FOR_EVER)
    for number in range(count):
        job = PARAMS | {"output_file": f"f{number}"}
        with pytest.raises(requests.ReadTimeout):
            requests.post(
                simulator.app_service_url,
                json={"version": "1.1", "method": "AppService.start_app2", "params": ["Date", job]},
                headers={"Authorization": token},
                timeout=0.2,
            )
    wait_until(lambda: len(simulator.calls("start_app2")) == count, "the calls have arrived")


def test_five_workers_and_a_preflight_are_the_defaults(tmp_path: Path) -> None:
    process, simulator = start_simulator(tmp_path)
    try:
        told = simulator.switch()
    finally:
        process.kill()

    assert told["workers"] == 5
    assert (told["preflight_seconds"], told["query_seconds"]) == ([0.4, 1.0], 0.01)


def test_a_switch_given_at_the_start_outlives_a_reset() -> None:
    with simulator_process("--workers", "2", "--switch", "outputs=false") as simulator:
        simulator.switch(workers=7, outputs=True)
        simulator.reset()
        told = simulator.switch()

    assert (told["workers"], told["outputs"]) == (2, False)


def test_a_query_waits_behind_the_preflights_that_occupy_all_workers(
    simulator: Simulator, token: str
) -> None:
    simulator.switch(workers=5, preflight_seconds=0.5)

    with starts_under_way(simulator, token, 5):
        simulator.rpc(token, "AppService.query_tasks", ["1"])
        query = simulator.calls("query_tasks")[0]

    assert any(call["ended"] <= query["ended"] for call in simulator.calls("start_app2"))


def test_a_free_worker_serves_a_query_at_once(simulator: Simulator, token: str) -> None:
    simulator.switch(workers=5)
    leave_starts_behind(simulator, token, 4)

    simulator.rpc(token, "AppService.query_tasks", ["1"])

    assert not any(call["ended"] for call in simulator.calls("start_app2"))


def test_the_workspace_has_workers_of_its_own(simulator: Simulator, token: str) -> None:
    simulator.switch(workers=1)
    leave_starts_behind(simulator, token, 1)

    simulator.rpc(token, "Workspace.ls", {"paths": [f"/{ALICE}/home"]})

    assert not any(call["ended"] for call in simulator.calls("start_app2"))


def test_what_is_refused_before_the_preflight_takes_none_of_its_time(
    simulator: Simulator, token: str
) -> None:
    simulator.switch(enabled=False, preflight_seconds=FOR_EVER)

    answer = requests.post(
        simulator.app_service_url,
        json={"version": "1.1", "method": "AppService.start_app2", "params": ["Date", {}, {}]},
        headers={"Authorization": token},
        timeout=60,
    )

    assert "submissions are disabled" in answer.json()["error"]["message"]


def test_a_hanging_call_occupies_no_worker(simulator: Simulator, token: str) -> None:
    simulator.switch(workers=1)
    simulator.fault("hang", "query_tasks", seconds=FOR_EVER)

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            simulator.app_service_url,
            json={"version": "1.1", "method": "AppService.query_tasks", "params": [["1"]]},
            headers={"Authorization": token},
            timeout=0.2,
        )

    assert simulator.rpc(token, "AppService.version") == ["0.1.0"]
