"""Priorities of workflows and weights of users over HTTP."""

from __future__ import annotations

import pytest

from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import document


def test_a_priority_is_submitted_shown_changed_and_kept_in_the_document(api: Api) -> None:
    workflow = api.submit(document("", priority=3))
    shown = api("GET", f"{ROOT}/{workflow}").json

    changed = api("PATCH", f"{ROOT}/{workflow}", json={"priority": -2})

    assert shown["priority"] == 3
    assert api("POST", f"{ROOT}/validate", json=shown).json["workflow_json"]["priority"] == 3
    assert (changed.status_code, changed.json["priority"]) == (200, -2)
    assert api("GET", f"{ROOT}/{workflow}").json["priority"] == -2
    assert api("GET", f"{ROOT}/{workflow}/explain").json["priority"] == -2
    assert api("PATCH", f"{ROOT}/{workflow}", BOB, json={"priority": 1}).status_code == 403
    assert api.engine().ends(workflow) == "succeeded"
    assert api("PATCH", f"{ROOT}/{workflow}", json={"priority": 1}).status_code == 409


@pytest.mark.parametrize("wrong", [11, -11, "5", 1.5, True, None])
def test_a_priority_outside_of_its_range_is_refused(api: Api, wrong: object) -> None:
    workflow = api.submit(document(""))

    assert api("PATCH", f"{ROOT}/{workflow}", json={"priority": wrong}).status_code == 400
    if wrong is not None:
        refused = api("POST", f"{ROOT}/submit", json=document("", priority=wrong))
        assert refused.status_code == 400
        assert refused.json["errors"][0]["path"] == "priority"


def test_admins_weigh_users(api: Api) -> None:
    path = f"/api/v1/admin/users/{ALICE}"

    assert api("PUT", path, json={"weight": 2}).status_code == 403
    assert api("PUT", path, ADMIN, json={"weight": 2}).json == {"user": ALICE, "weight": 2}
    for wrong in (0, 11, "2", True, None):
        assert api("PUT", path, ADMIN, json={"weight": wrong}).status_code == 400
    workflow = api.submit(document(""))
    assert api("GET", f"{ROOT}/{workflow}/explain").json["weight"] == 2
