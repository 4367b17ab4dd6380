"""Health tells no fault from memory."""

from __future__ import annotations

import pytest

from devstack.processes import wait_until
from tests.app.conftest import Api
from workflows.store.processes.heartbeats import record_heartbeat


@pytest.mark.usefixtures("patient_health")
def test_a_fault_that_is_over_is_not_reported_from_the_cache(api: Api) -> None:
    """Several processes serve /health: one that has asked before must not contradict the others."""
    wait_until(lambda: beat(api) == "unhealthy", "MongoDB has answered")

    with api.client.application.app_context():
        record_heartbeat("beat@here:1", "beat")

    assert beat(api) == "healthy"


def beat(api: Api) -> str:
    """What /health says of it; empty while MongoDB has not answered."""
    answer = api("GET", "/api/v1/health", None)
    assert answer.json is not None
    return str(answer.json["parts"].get("beat", {}).get("status", ""))
