"""A user's data are the user's: ended workflows and the kept token can be taken away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.connections import connections
from runtime.bootstrap import logs_of
from runtime.log_removal import remove_logs
from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import document
from workflows.engine.purge import Keep, purge
from workflows.model.states import WorkflowState
from workflows.store import documents, removals
from workflows.store.mongo import collection

BELONGING = (documents.Workflow, documents.Spec, documents.Job, documents.Event)
READS = ("", "/status", "/log", "/events", "/explain")


def left() -> int:
    return sum(collection(kind).count_documents({}) for kind in BELONGING)


@pytest.mark.parametrize("user", [ALICE, ADMIN])
def test_an_ended_workflow_is_deleted_with_all_that_belongs_to_it(api: Api, user: str) -> None:
    workflow_id = api.submit(document("", "a"))
    api.engine().ends(workflow_id)
    logs = logs_of(api.settings)
    logs.append(workflow_id, "line\n")

    answer = api("DELETE", f"{ROOT}/{workflow_id}", user)

    assert (answer.status_code, answer.data) == (204, b"")
    assert left() == 0
    assert not list(Path(logs.folder).glob(f"{workflow_id}*"))
    for path in READS:
        assert api("GET", f"{ROOT}/{workflow_id}{path}").status_code == 404
    assert api("DELETE", f"{ROOT}/{workflow_id}").status_code == 404
    assert api("GET", ROOT).json["workflows"] == []


def test_a_plan_is_deleted(api: Api) -> None:
    planned = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]

    assert api("DELETE", f"{ROOT}/{planned}").status_code == 204
    assert left() == 0


def test_a_workflow_of_somebody_else_stays(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)

    assert api("DELETE", f"{ROOT}/{workflow_id}", BOB).status_code == 403
    assert api("DELETE", f"{ROOT}/{workflow_id}", None).status_code == 401
    assert api("GET", f"{ROOT}/{workflow_id}").status_code == 200


def test_an_active_workflow_is_refused_and_told_what_to_do(api: Api) -> None:
    api.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    workflow_id = api.submit(document(""))
    api.engine().until(lambda: len(api.simulator.jobs()) == 1)

    answer = api("DELETE", f"{ROOT}/{workflow_id}")

    assert answer.status_code == 409
    assert "cancel it first" in answer.json["detail"]


def test_a_workflow_whose_job_is_still_being_killed_is_refused(api: Api) -> None:
    api.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    workflow_id = api.submit(document(""))
    engine = api.engine()
    engine.until(lambda: engine.states(workflow_id) == ["running"])
    api("POST", f"{ROOT}/{workflow_id}/cancel")

    refused = api("DELETE", f"{ROOT}/{workflow_id}")
    engine.until(lambda: api("DELETE", f"{ROOT}/{workflow_id}").status_code == 204)

    assert refused.status_code == 409
    assert "being killed" in refused.json["detail"]
    assert left() == 0


def test_a_deletion_that_was_cut_off_shows_nothing_and_is_finished_later(api: Api) -> None:
    workflow_id = api.submit(document("", "a"))
    engine = api.engine()
    engine.ends(workflow_id)

    assert removals.hide(workflow_id, {"state": WorkflowState.SUCCEEDED})  # the process dies here

    for path in READS:
        assert api("GET", f"{ROOT}/{workflow_id}{path}").status_code == 404
    assert left() > 0
    purge(engine.context, Keep())
    assert left() == 0


def test_log_files_of_other_hosts_go_with_the_hourly_look(api: Api, tmp_path: Path) -> None:
    settings = api.settings.model_copy(
        update={"logging": api.settings.logging.model_copy(update={"workflow_log_dir": tmp_path})}
    )
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)
    logs_of(settings).append(workflow_id, "line\n")
    logs_of(settings).append("wf_other", "line\n")
    api("DELETE", f"{ROOT}/{workflow_id}")

    remove_logs(settings)

    assert [path.name for path in tmp_path.iterdir()] == ["wf_other.log"]


def test_a_forgotten_token_parks_what_is_under_way_until_there_is_a_new_one(
    make_api: Callable[..., Api],
) -> None:
    api = make_api()
    workflow_id = api.submit(document(""))

    assert api("DELETE", "/api/v1/credentials").status_code == 204

    engine = api.engine()
    engine.until(lambda: _code(api, workflow_id) == "token_expired")
    for _ in range(3):
        engine.turn()
    assert api.simulator.jobs() == []
    assert api("DELETE", "/api/v1/credentials").status_code == 204
    assert api("PUT", f"{ROOT}/{workflow_id}/token").status_code == 204
    assert engine.ends(workflow_id) == "succeeded"


def test_the_next_submission_hands_the_token_in_again(api: Api) -> None:
    api.submit(document(""))
    api("DELETE", "/api/v1/credentials")

    workflow_id = api.submit(document(""))

    assert api.engine().ends(workflow_id) == "succeeded"


def test_a_token_of_another_user_stays(api: Api) -> None:
    api.submit(document(""), BOB)

    api("DELETE", "/api/v1/credentials")

    assert collection(documents.Credential).count_documents({"_id": BOB}) == 1


def test_a_seal_that_no_key_opens_counts_as_absent(api: Api) -> None:
    workflow_id = api.submit(document(""))
    collection(documents.Credential).update_one({"_id": ALICE}, {"$set": {"sealed": "gAAAA"}})

    assert _code(api, workflow_id) == "token_expired"
    assert api("PUT", f"{ROOT}/{workflow_id}/token").status_code == 204

    with api.client.application.app_context():
        vault = connections().context.vault
    row = collection(documents.Credential).find_one({"_id": ALICE})
    assert row
    assert vault.open(row["sealed"]) == api.token(ALICE)
    assert api.engine().ends(workflow_id) == "succeeded"


def _code(api: Api, workflow_id: str) -> str:
    api.engine().turn()
    steps = api("GET", f"{ROOT}/{workflow_id}/explain").json["steps"]
    return str(steps[0]["code"]) if steps else ""
