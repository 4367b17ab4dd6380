"""Reuse as clients see it: at the submission, in documents, on its own route, in WES and crates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import Engine, document
from workflows.engine.batches.advance import advance_batch
from workflows.provenance.graph import local_id
from workflows.store import documents
from workflows.store.mongo import collection

HOME = f"/{ALICE}/home"
SETTINGS = {"min_age_seconds": 0, "default": "mine"}


def annotation(output_file: str, **params: Any) -> dict[str, Any]:
    step = {
        "step_name": "annotate",
        "app": "GenomeAnnotation",
        "params": {
            "contigs": f"{HOME}/c.fasta",
            "scientific_name": "Escherichia coli",
            "taxonomy_id": 562,
            "code": 11,
            "domain": "Bacteria",
            "output_path": f"{HOME}/run",
            "output_file": output_file,
            **params,
        },
        "outputs": {},
        "depends_on": [],
    }
    return document() | {"steps": [step]}


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """Of an engine in which steps reuse results unless a workflow says otherwise."""
    made = make_api(reuse=SETTINGS)
    made.simulator.put(made.token(), f"{HOME}/c.fasta")
    return made


def submit(api: Api, found: dict[str, Any], query: str = "") -> dict[str, Any]:
    answer = api("POST", f"{ROOT}/submit{query}", json=found)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def run(engine: Engine, workflow_id: str) -> None:
    assert engine.ends(workflow_id) == "succeeded"
    noted = {"workflow": workflow_id, "seen_due": {"$type": "date"}}
    engine.until(lambda: not collection(documents.Job).count_documents(noted))


def test_what_was_reused_is_shown_everywhere(api: Api) -> None:
    engine = api.engine()
    api.simulator.app("GenomeAnnotation", run_seconds=1, queue_seconds=0, lag_seconds=0)
    first = submit(api, annotation("a"))
    assert [each["code"] for each in first["warnings"]] == ["files_stay"]
    route = f"{ROOT}/{first['workflow_id']}/steps/annotate/reuse"
    assert api("GET", route).json["outcome"] == "waiting"
    run(engine, first["workflow_id"])
    assert api("GET", route).json["miss"]["code"] == "no_earlier_job"

    second = submit(api, annotation("b"))["workflow_id"]
    run(engine, second)

    shown, source = api("GET", f"{ROOT}/{second}").json, f"{first['workflow_id']}/0/1"
    assert shown["reuse"] == "mine"
    (ran,) = engine.simulator.jobs()
    saved = ran["ended"] - ran["started"]
    assert shown["reused"] == {"steps": 1, "job_seconds_saved": pytest.approx(saved, abs=0.1)}
    assert saved >= 1
    assert (shown["steps"][0]["reused_from"], shown["steps"][0]["task_id"]) == (source, "")
    assert shown["steps"][0]["attempts"][0]["reused_from"] == source
    assert api("GET", f"{ROOT}/{second}/status").json["steps"][0]["reused_from"] == source
    found = api("GET", f"{ROOT}/{second}/steps/annotate/reuse").json
    assert (found["outcome"], found["reused_from"]["key"]) == ("reused", source)
    assert found["reused_from"]["path"] == f"{HOME}/run/a"
    assert api("GET", f"{ROOT}/{second}/steps/x/reuse").status_code == 404
    assert api("GET", f"{ROOT}/{second}/steps/annotate/reuse", BOB).status_code == 403

    (task,) = api("GET", f"/ga4gh/wes/v1/runs/{second}/tasks").json["task_logs"]
    assert f"its files stay where they were: {HOME}/run/a" in task["system_logs"][-1]
    graph = {each["@id"]: each for each in api("GET", f"{ROOT}/{second}/ro-crate").json["@graph"]}
    action = graph[local_id("job", source)]
    assert action["description"] == f"BV-BRC task {found['reused_from']['job_id']}"
    assert action["startTime"][:23] == found["reused_from"]["started_at"][:23]
    control = graph[local_id("control", f"{second}/0/1")]
    assert control["object"] == {"@id": local_id("job", source)}
    again = api("POST", f"{ROOT}/validate", json=shown)
    assert again.status_code == 200, again.text
    assert again.json["workflow_json"]["reuse"] == "mine"


def test_the_query_wins_over_the_document_and_that_over_the_setting(api: Api) -> None:
    cases = [
        ("", None, "mine"),
        ("", "never", "never"),
        ("?reuse=never", {"max_age_days": 3}, "never"),
        ("?reuse=mine", "never", "mine"),
        ("", {"max_age_days": 3}, {"max_age_days": 3}),
    ]
    for route in ("plan", "register", "submit"):
        for query, said, expected in cases:
            body = annotation("a") | ({"reuse": said} if said else {})
            answer = api("POST", f"{ROOT}/{route}{query}", json=body)
            assert answer.status_code == 201, answer.text
            stored = api("GET", f"{ROOT}/{answer.json['workflow_id']}").json
            assert stored["reuse"] == expected
            warned = any(each["code"] == "files_stay" for each in answer.json.get("warnings", ()))
            assert warned == (route == "submit" and expected != "never")
    refused = api("POST", f"{ROOT}/submit?reuse=always", json=annotation("a"))
    assert (refused.status_code, refused.json["errors"][0]["path"]) == (400, "reuse")


def test_the_query_of_a_batch_and_of_a_template_counts_too(api: Api) -> None:
    """Undeclared it was passed over where it was misspelt."""
    content = annotation("${sample.sample}") | {"reuse": "never"}
    body = {"workflow": content, "samples": [{"sample": "S1"}]}
    refused = api("POST", "/api/v1/batches?reuse=always", json=body)
    accepted = api("POST", "/api/v1/batches?reuse=mine", json=body)
    assert (refused.status_code, refused.json["errors"][0]["path"]) == (400, "reuse")
    assert accepted.status_code == 201, accepted.text
    assert "files_stay" in {each["code"] for each in accepted.json["warnings"]}
    batch = accepted.json["batch_id"]
    advance_batch(api.engine().context, batch)
    (row,) = api("GET", f"{ROOT}?batch={batch}").json["workflows"]
    assert api("GET", f"{ROOT}/{row['workflow_id']}").json["reuse"] == "mine"
    api("POST", f"/api/v1/batches/{batch}/cancel")

    made = api(
        "POST", "/api/v1/templates", json={"name": "annotations", "workflow": annotation("t")}
    )
    assert made.status_code == 201, made.text
    for suffix, sent in (("submit", {}), ("batches", {"samples": [{"sample": "S1"}]})):
        path = f"/api/v1/templates/annotations@1/{suffix}"
        found = {"workspace_output_folder": f"{HOME}/run", **sent}
        assert api("POST", f"{path}?reuse=always", json=found).status_code == 400
        answer = api("POST", f"{path}?reuse=mine&dry_run=true", json=found)
        assert answer.status_code == 200, answer.text
        assert "files_stay" in {each["code"] for each in answer.json["warnings"]}


def test_values_count_as_they_are_sent_and_not_as_they_are_written(api: Api) -> None:
    """Numbers as text, names in another spelling, and defaults that are made explicit."""
    engine = api.engine()
    run(engine, submit(api, annotation("a"))["workflow_id"])
    written = annotation("b", taxonomy_id="562", code="11", domain="bacteria", public=False)

    second = submit(api, written)["workflow_id"]
    run(engine, second)

    found = api("GET", f"{ROOT}/{second}/steps/annotate/reuse").json
    assert found["outcome"] == "reused", found


def test_an_admin_acts_for_the_owner(api: Api) -> None:
    """What counts is what the owner has, and may read."""
    engine = api.engine()
    first = submit(api, annotation("a"))["workflow_id"]
    run(engine, first)
    api.simulator.app("GenomeAnnotation", outcome="failed", count=1)
    failed = submit(api, annotation("b", code=4))["workflow_id"]
    engine.ends(failed)
    calls = len(api.simulator.calls("Workspace.get", user=ADMIN))

    answer = api("POST", f"{ROOT}/{failed}/retry", ADMIN)

    assert answer.status_code == 200, answer.text
    engine.ends(failed)
    miss = api("GET", f"{ROOT}/{failed}/steps/annotate/reuse").json["miss"]
    assert (miss["part"], miss["compared_with"]) == ("params.code", f"{first}/0/1")
    assert len(api.simulator.calls("Workspace.get", user=ADMIN)) == calls
