"""The shortest way through the API: submitted, seen, cancelled."""

from __future__ import annotations

import pytest

from tests.app.conftest import ROOT, Api
from tests.engine.conftest import document


def test_a_workflow_is_submitted_seen_and_cancelled(api: Api) -> None:
    answer = api("POST", f"{ROOT}/submit", json=document("", "a"))
    workflow_id = answer.json["workflow_id"]

    assert answer.status_code == 201
    assert answer.json == {
        "workflow_id": workflow_id,
        "status": "pending",
        "message": "Workflow submitted successfully",
    }
    assert answer.headers["Location"] == f"{ROOT}/{workflow_id}"
    status = api("GET", f"{ROOT}/{workflow_id}/status", None)
    assert status.json["steps"] == [
        {"step_id": "", "step_name": "a", "name": "a", "status": "pending", "app": "Date"},
        {"step_id": "", "step_name": "b", "name": "b", "status": "pending", "app": "Date"},
    ]
    cancelled = api("POST", f"{ROOT}/{workflow_id}/cancel")
    assert cancelled.json["status"] == "cancelled", cancelled.json
    assert [step["outcome"] for step in cancelled.json["steps"]] == ["never_started"] * 2
    assert "Workflow cancelled" in api("GET", f"{ROOT}/{workflow_id}/log").text


@pytest.mark.usefixtures("patient_health")
def test_health_says_that_mongodb_is_connected(api: Api) -> None:
    answer = api("GET", "/api/v1/health", None)

    assert answer.status_code == 200
    assert answer.json["mongodb"] == "connected"
