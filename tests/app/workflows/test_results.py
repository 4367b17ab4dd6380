"""Results have sizes, can be looked at, and are downloaded with the owner's token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from server.lanes import DOWNLOADS, choose_lane
from tests.app.conftest import ADMIN, BOB, ROOT, Api
from tests.engine.conftest import ALICE, document
from workflows.engine.reports.check_results import check_results
from workflows.store import documents
from workflows.store.mongo import collection
from workflows.store.workflows import result_checks

FOLDER = f"/{ALICE}/home/run"
CONTENT = "<script>alert(1)</script> é\n"
SIZE = len(CONTENT.encode())


def put(api: Api, path: str, content: str = CONTENT) -> None:
    entry = {"objects": [[path, "txt", {}, content]], "overwrite": 1}
    api.simulator.rpc(api.token(), "Workspace.create", entry)


@pytest.fixture
def ended(api: Api) -> str:
    """Its two results: one file is there, one is not."""
    found = document("", "")
    for step in found["steps"]:
        step["outputs"] = {"out": "${params.output_path}/.${params.output_file}/x 1.html"}
    workflow_id = api.submit(found)
    assert api.engine().ends(workflow_id) == "succeeded"
    put(api, f"{FOLDER}/.o0/x 1.html")
    return workflow_id


def sign_in(api: Api) -> FlaskClient:
    api.client.post("/ui/sign-in", data={"token": api.token()})
    return api.client


def test_results_say_whether_they_exist_and_how_large_they_are(api: Api, ended: str) -> None:
    found = api("GET", f"{ROOT}/{ended}/outputs").json

    first, second = found["a"]["out"], found["b"]["out"]
    assert (first["exists"], first["size"]) == (True, len(CONTENT.encode()))
    assert (second["exists"], "size" in second) == (False, False)
    assert [each["exists"] for each in found["workflow_outputs"]] == [True, False]


def test_a_workspace_that_does_not_answer_leaves_sizes_out(api: Api, ended: str) -> None:
    api.simulator.fault("error", "Workspace.ls")

    found = api("GET", f"{ROOT}/{ended}/outputs").json

    assert found["a"]["out"]["value"].endswith("x 1.html")
    assert "exists" not in found["a"]["out"]


def test_what_was_there_when_it_ended_is_kept(api: Api, ended: str) -> None:
    check_results(api.engine().context)
    api.simulator.fault("error", "Workspace.ls")

    found = api("GET", f"{ROOT}/{ended}/outputs").json

    first, second = found["a"]["out"]["at_end"], found["b"]["out"]["at_end"]
    assert (first["exists"], first["size"]) == (True, len(CONTENT.encode()))
    assert (second["exists"], "size" in second) == (False, False)
    assert "exists" not in found["a"]["out"]
    page = sign_in(api).get(f"/ui/workflows/{ended}/results").text
    assert f"{SIZE} Bytes when it ended" in page
    assert "not in the Workspace when it ended" in page


def test_a_result_that_has_gone_since_is_said_to_have_been_there(api: Api, ended: str) -> None:
    check_results(api.engine().context)
    gone = {"objects": [f"{FOLDER}/.o0/x 1.html"], "force": 1}
    api.simulator.rpc(api.token(), "Workspace.delete", gone)

    page = sign_in(api).get(f"/ui/workflows/{ended}/results").text

    assert f"no longer in the Workspace ({SIZE} Bytes when it ended)" in page
    assert "not in the Workspace, nor when it ended" in page


def test_a_workspace_that_is_away_is_asked_again_later(api: Api, ended: str) -> None:
    fault = api.simulator.fault("error", "Workspace.ls")
    check_results(api.engine().context)
    assert result_checks.read_seen(ended) is None
    api.simulator.remove_fault(fault)

    check_results(api.engine().context)  # not due yet
    assert result_checks.read_seen(ended) is None
    collection(documents.Workflow).update_one(
        {"_id": ended}, [{"$set": {"results_due": "$finished_at"}}]
    )
    check_results(api.engine().context)

    assert result_checks.read_seen(ended) is not None
    assert result_checks.take(timedelta(0)) is None


def test_a_retry_forgets_what_was_seen(api: Api) -> None:
    api.simulator.app("*", output_file="o1", outcome="failed")
    found = document("", "")
    for step in found["steps"]:
        step["outputs"] = {"out": "${params.output_path}/.${params.output_file}/x 1.html"}
    workflow_id = api.submit(found)
    assert api.engine().ends(workflow_id) == "failed"
    check_results(api.engine().context)
    assert result_checks.read_seen(workflow_id) is not None

    assert api("POST", f"{ROOT}/{workflow_id}/retry").status_code == 200

    assert result_checks.read_seen(workflow_id) is None


@pytest.mark.parametrize("user", [ALICE, ADMIN])
def test_a_result_is_downloaded_and_never_shown(api: Api, ended: str, user: str) -> None:
    path = quote(f"{FOLDER}/.o0/x 1.html")

    answer = api("GET", f"{ROOT}/{ended}/outputs/file?path={path}", user)

    assert answer.status_code == 200
    assert answer.data.decode() == CONTENT
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''x%201.html"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        f"{FOLDER}/.o1/x 1.html",  # is not there
        f"{FOLDER}/.o0",
        f"{FOLDER}/other",
        "/bob@bvbrc/home/secret",
        f"{FOLDER}/.o0/../../secret",
    ],
)
def test_nothing_but_results_is_read(api: Api, ended: str, path: str) -> None:
    put(api, f"{FOLDER}/other")

    answer = api("GET", f"{ROOT}/{ended}/outputs/file?path={quote(path)}")

    assert answer.status_code == 404


def test_others_and_large_files_are_refused(make_api: Callable[..., Api]) -> None:
    api = make_api(api={"download_limit_bytes": 10})
    found = document("")
    found["steps"][0]["outputs"] = {"out": "${params.output_path}/.${params.output_file}/x"}
    workflow_id = api.submit(found)
    api.engine().ends(workflow_id)
    put(api, f"{FOLDER}/.o0/x")
    path = f"{ROOT}/{workflow_id}/outputs/file?path={quote(f'{FOLDER}/.o0/x')}"

    large = api("GET", path)

    assert large.status_code == 409
    assert "more than can be downloaded here (10)" in large.json["detail"]
    assert api("GET", path, BOB).status_code == 403
    assert api("GET", path, None).status_code == 401


def test_a_small_text_is_shown_as_text_on_a_page(api: Api, ended: str) -> None:
    client = sign_in(api)
    path = quote(f"{FOLDER}/.o0/x 1.html")

    tree = client.get(f"/ui/workflows/{ended}/results").text
    shown = client.get(f"/ui/workflows/{ended}/file?path={path}").text
    saved = client.get(f"/ui/workflows/{ended}/outputs/file?path={path}")
    put(api, f"{FOLDER}/.o0/x 1.html", "a\x00b")
    binary = client.get(f"/ui/workflows/{ended}/file?path={path}").text

    assert "not in the Workspace" in tree
    assert f"{len(CONTENT.encode())} Bytes" in tree
    assert tree.count("file?path=") == 4
    assert "&lt;script&gt;alert(1)&lt;/script&gt; é" in shown
    assert "<script>alert" not in shown
    assert saved.data.decode() == CONTENT
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert "It is large, or no text" in binary
    assert client.get(f"/ui/workflows/{ended}/file?path=/etc/passwd").status_code == 404


def test_downloads_run_beside_other_requests() -> None:
    assert choose_lane("", "", 0, f"{ROOT}/wf_1/outputs/file") == "live"
    assert choose_lane("", "", 0, f"/ui/workflows/wf_1{DOWNLOADS}") == "live"
    assert choose_lane("", "", 0, f"{ROOT}/wf_1/outputs") == "usual"


def test_streams_have_threads_of_their_own_and_what_computes_has_not() -> None:
    stream = "text/event-stream"
    assert choose_lane(stream, "", 0, f"{ROOT}/wf_1/events") == "live"
    assert choose_lane("", "follow", 0, f"{ROOT}/wf_1/log") == "live"
    assert choose_lane(stream, "", 0, "/ui/live") == "live"
    assert choose_lane("", "", 0, f"{ROOT}/wf_1/events") == "usual"
    assert choose_lane(stream, "follow", 0, f"{ROOT}/wf_1/explain") == "usual"
