"""Hosts whose own clocks are wrong judge tokens as the others do."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from devstack.processes import wait_until
from devstack.stack import Wanted, stack

pytestmark = [
    pytest.mark.xdist_group("operations"),
    pytest.mark.skipif(
        not any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")),
        reason="a skewed clock needs Debian's package libfaketime",
    ),
]

USER = "ann@bvbrc"


def test_a_worker_an_hour_ahead_takes_a_token_of_half_an_hour() -> None:
    settings = {"executor.polling_interval_seconds": 0.5}
    with stack(Wanted(apis=1, skews=("+3600s",), settings=settings)) as running:
        token = running.simulator.token(USER, seconds=1800)
        headers = {"Authorization": token}
        group = {"genome_ids": ["562.1"], "group_name": "Skewed"}
        document = {
            "workflow_name": "w",
            "version": "1.0",
            "base_context": {
                "base_url": "https://www.bv-brc.org",
                "workspace_output_folder": f"/{USER}/home",
            },
            "steps": [{"step_name": "own", "app": "CreateGenomeGroup", "params": group}],
        }
        api = f"{running.api_urls[0]}/api/v1/workflows"
        answer = requests.post(f"{api}/submit", json=document, headers=headers, timeout=60)
        workflow = answer.json()["workflow_id"]

        def status() -> object:
            answer = requests.get(f"{api}/{workflow}/status", headers=headers, timeout=60)
            return answer.json()["status"]

        wait_until(lambda: status() == "succeeded", "the token is taken")
