from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.client import Simulator
from tests.simulated import simulator_process


@pytest.fixture(scope="session")
def simulator_server() -> Iterator[Simulator]:
    with simulator_process() as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_server: Simulator) -> Simulator:
    """The simulator without jobs, faults, rules, calls. Its preflight looks for no inputs."""
    simulator_server.reset()
    simulator_server.switch(check_inputs=False)
    return simulator_server
