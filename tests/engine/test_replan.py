"""CWL workflows get further steps when the results are there that these depend on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.processes import wait_until
from tests.cwl.planning import annotate, workflow
from tests.engine.conftest import ALICE, Engine
from tests.engine.cwl import submit_cwl
from workflows.cwl.bvbrc.submission import Submission
from workflows.cwl.process.planner import Planner
from workflows.engine import app_catalogue, commands
from workflows.engine.replan import replan, replan_due
from workflows.engine.reports import views
from workflows.engine.reports.explain import explanation
from workflows.rules.event_log import text
from workflows.store import documents
from workflows.store.mongo import Row, collection
from workflows.store.statistics import progress
from workflows.store.workflows import events, stored
from workflows.store.workflows import replan as growing
from workflows.store.workflows import rows as workflow_rows
from workflows.store.workflows.replan import Grown

HOME = f"/{ALICE}/home/run"
QUICK = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}
NEEDS = (
    "ScatterFeatureRequirement StepInputExpressionRequirement InlineJavascriptRequirement"
    " MultipleInputFeatureRequirement"
)
FIND = """
  find:
    run:
      class: CommandLineTool
      hints: {"https://github.com/wilke/GoWe#Execution": {bvbrc_app_id: MetagenomeBinning}}
      inputs: {srr_ids: "string[]"}
      outputs: {bins: {type: "File[]", outputBinding: {glob: "bin.*.fa"}}}
    in: {srr_ids: {default: [SRR1]}}
    out: [bins]
"""
EACH = FIND + "  each:\n" + annotate("find/bins", "scatter: contigs", out="[genome]")
OTHER = "  other: {run: 'bvbrc://Date', in: {}, out: []}\n"
NAMED = """
  named:
    run: bvbrc://Date
    scatter: g
    in: {g: each/genome, output_file: {valueFrom: $(inputs.g.nameroot)_date}}
    out: []
"""
TO_MANY = "${return {files: Array(1900).fill(inputs.bins[0])};}"
LABORIOUS = (
    FIND
    + f"""
  multiply:
    run:
      class: ExpressionTool
      inputs: {{bins: "File[]"}}
      outputs: {{files: "File[]"}}
      expression: "{TO_MANY}"
    in: {{bins: find/bins}}
    out: [files]
  each:
"""
    + annotate("multiply/files", "scatter: contigs", out="[genome]")
)
LONG = f"""
  long:
    run:
      class: ExpressionTool
      inputs: {{x: {{type: "int[]", default: {[1] * 10_000}}}}}
      outputs: {{y: int}}
      expression: "${{return {{y: 1}};}}"
    in: {{}}
    out: [y]
"""
IMPOSSIBLE = FIND + OTHER + "  a:\n" + annotate("{source: find/bins, valueFrom: '$(self[7].path)'}")
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
OUTPUTS = "{genomes: {type: 'File[]', outputSource: each/genome}}"


@pytest.fixture(scope="module")
def planner() -> Iterator[Planner]:
    warm = Planner()
    yield warm
    warm.close()


@pytest.fixture
def growing_engine(engine: Engine, planner: Planner) -> Engine:
    """An engine that plans; the first plan takes as long as its lease, so that comes before."""
    planner.plan(Submission({"a.cwl": workflow(OTHER)}, "a.cwl"), app_catalogue.table())
    return replace(engine, context=replace(engine.context, planner=planner))


def submit(engine: Engine, steps: str, outputs: str = "{}") -> str:
    return submit_cwl(engine, workflow(steps, outputs=outputs, needs=NEEDS), HOME)


def row(workflow_id: str) -> Row:
    return collection(documents.Workflow).find_one({"_id": workflow_id}) or {}


def until_it_may_grow(engine: Engine, workflow_id: str) -> None:
    """Its results are there, and nobody has planned with them yet."""
    deaf = replace(engine, context=replace(engine.context, grows=lambda _: None), replans=False)
    deaf.until(lambda: "replan_due" in row(workflow_id))


def started(engine: Engine) -> Counter[str]:
    """How many jobs of each app exist at BV-BRC."""
    keys = Counter(job["user_metadata"] for job in engine.simulator.jobs())
    assert set(keys.values()) <= {1}, "a step was started twice"
    return Counter(job["app"] for job in engine.simulator.jobs())


def names(workflow_id: str) -> list[str]:
    return [step["step_name"] for step in views.status(stored.get(workflow_id))["steps"]]


def told(engine: Engine, workflow_id: str) -> str:
    found = explanation(stored.get(workflow_id), engine.context)
    return str(found["message"])


def test_a_scatter_over_what_a_job_left_runs_to_its_end(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH, OUTPUTS)
    assert names(workflow_id) == ["find"]
    assert "follow once step 'find' has succeeded" in told(growing_engine, workflow_id)

    assert growing_engine.ends(workflow_id) == "succeeded"

    found = views.whole(stored.get(workflow_id))
    assert names(workflow_id) == ["find", "each__0", "each__1"]
    assert started(growing_engine) == {"MetagenomeBinning": 1, "GenomeAnnotation": 2}
    assert (found["step_count"], found["execution_metadata"]["waits_for"]) == (3, [])
    assert [len(output["genomes"]) for output in found["workflow_outputs"]] == [2]
    assert row(workflow_id)["apps"] == ["GenomeAnnotation", "MetagenomeBinning"]


def test_the_history_tells_of_each_further_step(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    growing_engine.ends(workflow_id)

    recorded = events.of_workflow(workflow_id)

    added = [(event.step_name, event.step) for event in recorded if not event.before]
    assert added == [("each__0", 1), ("each__1", 2)]
    assert [event.sequence for event in recorded] == list(range(1, len(recorded) + 1))
    assert "Step 'each__0' added" in text(recorded)


def test_results_may_bring_no_step_at_all(growing_engine: Engine) -> None:
    growing_engine.simulator.app("MetagenomeBinning", leaves=[], **QUICK)
    workflow_id = submit(growing_engine, EACH, OUTPUTS)

    assert growing_engine.ends(workflow_id) == "succeeded"

    assert names(workflow_id) == ["find"]
    assert views.whole(stored.get(workflow_id))["workflow_outputs"] == [{"genomes": []}]


def test_further_steps_may_bring_further_steps(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH + NAMED)

    assert growing_engine.ends(workflow_id) == "succeeded"

    assert set(names(workflow_id)) == {"find", "each__0", "each__1", "named__0", "named__1"}
    assert started(growing_engine) == {"MetagenomeBinning": 1, "GenomeAnnotation": 2, "Date": 2}


def test_who_plans_is_told_once(growing_engine: Engine) -> None:
    hints: list[str] = []
    context = replace(growing_engine.context, grows=hints.extend)
    workflow_id = submit(growing_engine, EACH)

    assert replace(growing_engine, context=context).ends(workflow_id) == "succeeded"

    assert hints == [workflow_id]


def test_a_workflow_whose_further_steps_nobody_plans_is_overdue(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    due = row(workflow_id)["replan_due"]
    collection(documents.Workflow).update_one(
        {}, {"$set": {"replan_due": due - timedelta(hours=1)}}
    )

    assert progress(9).overdue >= timedelta(hours=1)


def test_a_death_while_planning_leaves_nothing_behind(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    assert workflow_rows.claim([workflow_id], timedelta(seconds=1))[
        1
    ]  # and is never heard of again

    assert growing_engine.ends(workflow_id) == "succeeded"

    assert started(growing_engine)["GenomeAnnotation"] == 2


def test_several_planners_add_the_steps_once(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: replan(growing_engine.context, [workflow_id]), range(4)))

    assert names(workflow_id) == ["find", "each__0", "each__1"]
    assert collection(documents.Spec).count_documents({}) == 2
    assert growing_engine.ends(workflow_id) == "succeeded"


def test_nothing_is_written_under_a_lost_lease(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    token, [before], _ = workflow_rows.claim([workflow_id], timedelta(0))
    replan(growing_engine.context, [workflow_id])
    after = row(workflow_id)

    assert not growing.extend(token, Grown(before, {"steps": []}, (), ()))
    assert not growing.refuse(token, before, "no")

    assert row(workflow_id) == after
    assert collection(documents.Spec).count_documents({}) == 2


def test_planning_keeps_its_lease_however_long_it_takes(
    growing_engine: Engine, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process would plan the same, and neither would write it."""
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    plan = planner.plan

    def slowly(*words: Any) -> Any:
        lease = row(workflow_id)["lease"]
        wait_until(
            lambda: row(workflow_id)["lease"]["until"] > lease["until"],
            "the lease is renewed",
            seconds=60,
        )
        assert row(workflow_id)["lease"]["token"] == lease["token"]
        return plan(*words)

    monkeypatch.setattr(planner, "plan", slowly)
    replan(growing_engine.context, [workflow_id])

    assert names(workflow_id) == ["find", "each__0", "each__1"]


def test_what_the_document_is_to_blame_for_fails_the_workflow(growing_engine: Engine) -> None:
    growing_engine.simulator.app("Date", run_seconds=None)
    workflow_id = submit(growing_engine, IMPOSSIBLE)
    growing_engine.until(lambda: "unplannable" in row(workflow_id))
    growing_engine.until(lambda: growing_engine.states(workflow_id) == ["succeeded", "running"])
    assert growing_engine.status(workflow_id) == "running"
    assert "cannot be planned" in told(growing_engine, workflow_id)

    (other,) = growing_engine.simulator.jobs(app="Date")
    growing_engine.simulator.act("finish", other["id"])

    assert growing_engine.ends(workflow_id) == "failed"
    assert growing_engine.states(workflow_id) == ["succeeded", "succeeded"]
    error = views.whole(stored.get(workflow_id))["error_message"]
    assert error.startswith("Further steps cannot be planned: main.cwl:")
    assert events.of_workflow(workflow_id)[-1].reason in error


def test_a_retry_plans_again_with_all_results(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, IMPOSSIBLE)
    growing_engine.ends(workflow_id)

    commands.retry(growing_engine.context, growing_engine.owner(), workflow_id)

    assert "unplannable" not in row(workflow_id)
    assert growing_engine.ends(workflow_id) == "failed"
    assert started(growing_engine) == {"MetagenomeBinning": 1, "Date": 1}


def test_what_the_app_refuses_of_a_further_step_fails_the_workflow(growing_engine: Engine) -> None:
    steps = FIND + (
        "  a:\n    run: bvbrc://CodonTree\n    out: []\n    in:\n"
        "      genome_groups: {default: [/user@bvbrc/home/g]}\n"
        "      number_of_genes: {source: find/bins, valueFrom: '$(-self.length)'}\n"
        "      output_file: {source: find/bins, valueFrom: 'a/b'}\n"
    )
    workflow_id = submit(growing_engine, steps)

    growing_engine.ends(workflow_id)

    found = views.whole(stored.get(workflow_id))
    assert (found["status"], found["step_count"]) == ("failed", 1)
    assert "a/b" in found["error_message"]


def test_a_planner_that_is_stopped_fails_nothing(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    slow = Planner(wall_time=timedelta(0))

    replan(replace(growing_engine.context, planner=slow), [workflow_id])

    slow.close()
    assert row(workflow_id)["replan_failures"] == 1
    assert "could not be planned in time" in told(growing_engine, workflow_id)
    assert growing_engine.status(workflow_id) == "running"
    collection(documents.Workflow).update_one({}, {"$currentDate": {"replan_due": True}})
    assert growing_engine.ends(workflow_id) == "succeeded"


def test_a_defect_of_the_planner_fails_it_in_the_end(growing_engine: Engine) -> None:
    """It is tried again for a while: a new release may mend it. Then it is not busy for ever."""
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    spec = json.loads(collection(documents.Spec).find_one({})["source"])  # type: ignore[index]
    source = json.dumps({**spec, "files": 5})
    collection(documents.Spec).update_one({}, {"$set": {"source": source}})

    replan(growing_engine.context, [workflow_id])
    assert row(workflow_id)["replan_failures"] == 1
    assert "unplannable" not in row(workflow_id)

    for failures in (7, 8):
        collection(documents.Workflow).update_one(
            {}, {"$set": {"replan_failures": failures}, "$currentDate": {"replan_due": True}}
        )
        assert "unplannable" not in row(workflow_id)
        replan(growing_engine.context, [workflow_id])
    assert growing_engine.status(workflow_id) == "failed"
    assert "a defect of the engine" in views.whole(stored.get(workflow_id))["error_message"]


def test_many_workflows_of_one_user_delay_another_by_one(growing_engine: Engine) -> None:
    hogs = [submit(growing_engine, EACH) for _ in range(3)]
    other = submit(growing_engine, EACH)
    for workflow_id in (*hogs, other):
        until_it_may_grow(growing_engine, workflow_id)
    rows = collection(documents.Workflow)
    rows.update_many({"_id": {"$in": hogs}}, {"$set": {"replan_due": EARLIER}})
    rows.update_one({"_id": other}, {"$set": {"owner": "other@bvbrc"}})

    rounds = replan_due(growing_engine.context)
    next(rounds)
    next(rounds)

    assert row(other)["step_count"] == 3
    assert sum(row(each)["step_count"] == 3 for each in hogs) == 1
    list(rounds)
    assert all(row(each)["step_count"] == 3 for each in hogs)


def test_results_that_make_it_too_much_work_fail_it(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, LABORIOUS)
    until_it_may_grow(growing_engine, workflow_id)
    frugal = Planner(cpu_time=timedelta(milliseconds=100))

    replan(replace(growing_engine.context, planner=frugal), [workflow_id])

    frugal.close()
    assert growing_engine.status(workflow_id) == "failed"
    assert "too much CPU time" in views.whole(stored.get(workflow_id))["error_message"]


def test_a_machine_that_can_plan_nothing_any_more_fails_nothing(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH + LONG)
    until_it_may_grow(growing_engine, workflow_id)
    feeble = Planner(cpu_time=timedelta(milliseconds=1))

    replan(replace(growing_engine.context, planner=feeble), [workflow_id])

    feeble.close()
    assert row(workflow_id)["replan_failures"] == 1
    assert "unplannable" not in row(workflow_id)


def test_an_app_that_is_no_longer_known_fails_nothing(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    stored = json.loads(collection(documents.Spec).find_one({})["source"])  # type: ignore[index]
    stored["files"]["main.cwl"] = stored["files"]["main.cwl"].replace("GenomeAnno", "Gone")
    collection(documents.Spec).update_one({}, {"$set": {"source": json.dumps(stored)}})

    replan(growing_engine.context, [workflow_id])

    assert row(workflow_id)["replan_failures"] == 1
    assert "unplannable" not in row(workflow_id)


def test_a_cancel_ends_a_workflow_that_waits_for_results(growing_engine: Engine) -> None:
    growing_engine.simulator.app("MetagenomeBinning", run_seconds=None)
    workflow_id = submit(growing_engine, EACH)
    growing_engine.until(lambda: growing_engine.states(workflow_id) == ["running"])

    commands.cancel(growing_engine.context, workflow_id)

    assert growing_engine.ends(workflow_id) == "cancelled"
    assert names(workflow_id) == ["find"]


def test_a_cancel_comes_before_further_steps(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    commands.cancel(growing_engine.context, workflow_id)

    replan(growing_engine.context, [workflow_id])

    assert growing_engine.status(workflow_id) == "cancelled"
    assert names(workflow_id) == ["find"]
    assert growing.due(9, timedelta(0)) == []


def test_a_cancelled_workflow_grows_when_it_is_taken_up_again(growing_engine: Engine) -> None:
    workflow_id = submit(growing_engine, EACH)
    until_it_may_grow(growing_engine, workflow_id)
    commands.cancel(growing_engine.context, workflow_id)

    commands.retry(growing_engine.context, growing_engine.owner(), workflow_id)

    assert growing_engine.ends(workflow_id) == "succeeded"
    assert started(growing_engine) == {"MetagenomeBinning": 1, "GenomeAnnotation": 2}


def test_a_further_step_that_failed_can_be_tried_again(growing_engine: Engine) -> None:
    growing_engine.simulator.app("GenomeAnnotation", outcome="failed", count=1, **QUICK)
    workflow_id = submit(growing_engine, EACH)
    assert growing_engine.ends(workflow_id) == "failed"

    commands.retry(growing_engine.context, growing_engine.owner(), workflow_id)

    assert growing_engine.ends(workflow_id) == "succeeded"
    assert started(growing_engine) == {"MetagenomeBinning": 1, "GenomeAnnotation": 3}


def test_what_is_waited_for_fails_and_so_does_the_workflow(growing_engine: Engine) -> None:
    growing_engine.simulator.app("MetagenomeBinning", outcome="failed", **QUICK)
    workflow_id = submit(growing_engine, EACH)

    assert growing_engine.ends(workflow_id) == "failed"

    found: dict[str, Any] = views.whole(stored.get(workflow_id))
    assert found["error_message"].startswith("Step 'find' failed")
    assert found["execution_metadata"]["waits_for"] == ["find"]
