"""Results whose names only the run determines: found in the Workspace before a success is
reported."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import ALICE, Engine, document
from workflows.engine.commands import cancel, retry
from workflows.engine.reports import views
from workflows.engine.reports.explain import explanation
from workflows.store import documents
from workflows.store.mongo import Row, collection
from workflows.store.workflows import stored

HOME = f"/{ALICE}/home"
FOLDER = f"{HOME}/run/.bins"
MANY = {"glob": "${params.output_path}/.${params.output_file}/bin.*.fa", "many": True}


def binning(output: Any = None, *, attempts: int = 1) -> dict[str, Any]:
    """Bins of reads, and a tree of all of them."""
    place = {"output_path": f"{HOME}/run"}
    found = {
        "step_name": "find",
        "app": "MetagenomeBinning",
        "params": place | {"output_file": "bins", "srr_ids": ["SRR1"]},
        "outputs": {"bins": MANY if output is None else output},
        "depends_on": [],
        "retry": {"max_attempts": attempts, "backoff_seconds": 0},
    }
    params = place | {"output_file": "tree", "genome_groups": ["${steps.find.outputs.bins}"]}
    tree = {"step_name": "tree", "app": "CodonTree", "params": params}
    return document() | {"steps": [found, tree | {"outputs": {}, "depends_on": ["find"]}]}


def sent(engine: Engine, app: str) -> dict[str, Any]:
    """The parameters of the one job of that app."""
    (job,) = [job for job in engine.simulator.jobs() if job["app"] == app]
    params: dict[str, Any] = job["params"]
    return params


def finding(workflow_id: str) -> Row:
    return collection(documents.Job).find_one({"workflow": workflow_id, "step": 0}) or {}


def message(engine: Engine, workflow_id: str) -> str:
    steps = explanation(stored.get(workflow_id), engine.context)["steps"]
    return str(steps[0]["message"])


def test_names_that_users_chose_need_not_suit_mongoengine(engine: Engine) -> None:
    """MongoEngine's ``DictField`` refuses names that begin with ``$``."""
    step = binning()["steps"][0] | {"outputs": {"$bins.1": MANY}}
    workflow_id = engine.submit(document() | {"steps": [step], "labels": {"$team.x": "$lab"}})

    assert engine.ends(workflow_id) == "succeeded"

    assert documents.Workflow.objects(id=workflow_id).get().labels == {"$team.x": "$lab"}
    (job,) = documents.Job.objects(workflow=workflow_id)
    assert [*job.globs] == [*job.results] == ["$bins.1"]


def test_what_is_found_reaches_the_next_job(engine: Engine) -> None:
    workflow_id = engine.submit(binning())

    assert engine.ends(workflow_id) == "succeeded"

    bins = [f"{FOLDER}/bin.1.562.fa", f"{FOLDER}/bin.2.1280.fa"]
    assert sent(engine, "CodonTree")["genome_groups"] == [bins]
    assert views.whole(stored.get(workflow_id))["steps"][0]["outputs"]["bins"] == bins


def test_a_later_attempt_is_looked_for_where_it_writes(engine: Engine) -> None:
    engine.simulator.app("MetagenomeBinning", outcome="failed", output_file="bins")
    workflow_id = engine.submit(binning(attempts=2))

    assert engine.ends(workflow_id) == "succeeded"

    (bins,) = sent(engine, "CodonTree")["genome_groups"]
    assert bins[0] == f"{HOME}/run/.bins_attempt2/bin.1.562.fa"


def test_folders_with_wildcards_are_gone_through(engine: Engine) -> None:
    engine.simulator.app(
        "MetagenomeBinning", leaves=["b1/x.fa", "b2/x.fa", "b2/y.fa", "c/x.fa"],
        queue_seconds=0, run_seconds=0, lag_seconds=0,
    )  # fmt: skip
    output = MANY | {"glob": MANY["glob"].replace("bin.*.fa", "b*/x.fa")}

    workflow_id = engine.submit(binning(output))

    assert engine.ends(workflow_id) == "succeeded"
    (bins,) = sent(engine, "CodonTree")["genome_groups"]
    assert bins == [f"{FOLDER}/b1/x.fa", f"{FOLDER}/b2/x.fa"]


@pytest.mark.parametrize(
    ("flags", "expected"), [({}, "failed"), ({"optional": True}, None), ({"many": True}, [])]
)
def test_what_is_not_there_fails_the_step_unless_it_need_not_be(
    engine: Engine, flags: dict[str, Any], expected: Any
) -> None:
    found = binning({"glob": f"{HOME}/run/nothing.*", **flags})
    found["steps"] = found["steps"][:1]
    workflow_id = engine.submit(found)

    engine.ends(workflow_id)

    step = views.whole(stored.get(workflow_id))["steps"][0]
    if expected == "failed":
        assert step["status"] == "failed"
        assert "left nothing for 'bins'" in step["error_message"]
    else:
        assert (step["status"], step["outputs"]["bins"]) == ("succeeded", expected)


def test_while_the_workspace_is_away_the_step_waits_and_says_so(engine: Engine) -> None:
    fault = engine.simulator.fault("status", "ls", status=502)
    workflow_id = engine.submit(binning())
    engine.until(lambda: finding(workflow_id).get("reason", "") != "")

    assert engine.states(workflow_id) == ["running", "pending"]
    assert "results are being looked for" in message(engine, workflow_id)

    engine.simulator.remove_fault(fault)
    assert engine.ends(workflow_id) == "succeeded"


def test_without_a_token_the_step_waits_for_a_fresh_one(engine: Engine) -> None:
    fault = engine.simulator.fault("status", "ls", status=502)
    workflow_id = engine.submit(binning())
    engine.until(lambda: finding(workflow_id).get("reason", "") != "")
    collection(documents.Credential).update_one({}, {"$unset": {"expires_at": ""}})
    engine.simulator.remove_fault(fault)

    engine.until(lambda: "token" in finding(workflow_id).get("reason", ""))

    assert engine.states(workflow_id) == ["running", "pending"]


def test_after_a_cancel_no_job_waits_for_the_workspace(engine: Engine) -> None:
    fault = engine.simulator.fault("status", "ls", status=502)
    workflow_id = engine.submit(binning())
    engine.until(lambda: finding(workflow_id).get("reason", "") != "")

    cancel(engine.context, workflow_id)

    assert engine.ends(workflow_id) == "cancelled"
    assert engine.states(workflow_id) == ["cancelled", "cancelled"]
    engine.simulator.remove_fault(fault)
    retry(engine.context, engine.owner(), workflow_id)
    assert engine.ends(workflow_id) == "succeeded"
