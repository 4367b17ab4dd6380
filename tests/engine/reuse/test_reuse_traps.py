"""What must never be reused: each way to a wrong result that others have walked into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.engine.conftest import ALICE, LONG, Engine
from tests.engine.reuse.test_reuse import (
    HOME,
    READS,
    annotate,
    assemble,
    job_of,
    miss_of,
    overwrite,
    renamed,
    run,
    started,
    with_settings,
    workflow,
)
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Item, Workspace
from workflows.engine import commands
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import stored

CONTIGS = f"{HOME}/run/.asm/asm_contigs.fasta"


@pytest.fixture(autouse=True)
def reads(engine: Engine) -> None:
    engine.owner()
    engine.simulator.put(engine.token, READS)


class Watched(Workspace):
    """The true client, which says when it has read."""

    def __init__(self, url: str, read: Callable[[], None]) -> None:
        super().__init__(Rpc(Wire()), url, timeout=timedelta(seconds=LONG))
        self._read = read

    def items(self, token: str, paths: Sequence[str]) -> tuple[Item, ...]:
        found = super().items(token, paths)
        self._read()
        return found


def test_an_input_that_changes_between_key_and_use_is_no_hit(engine: Engine) -> None:
    run(engine, workflow(assemble()))
    changes = ["overwritten while it was looked for"]

    def change() -> None:
        if changes:
            overwrite(engine, READS, changes.pop())

    watched = Watched(engine.simulator.workspace_url, change)
    second = run(with_settings(engine, workspace=watched), workflow(renamed(assemble(), "b")))

    assert not changes
    assert miss_of(second)["code"] == "no_identity"
    assert started(engine) == 2


def test_a_result_that_changes_after_the_hit_is_another_input_of_later_steps(
    engine: Engine,
) -> None:
    run(engine, workflow(assemble(), annotate()))
    engine.simulator.app("Date", run_seconds=None)
    gate = {"step_name": "gate", "app": "Date", "outputs": {}, "depends_on": []}
    gate["params"] = {"output_path": f"{HOME}/run", "output_file": "gate"}
    late = {**renamed(annotate(), "b2"), "depends_on": ["assemble", "gate"]}
    second = engine.submit(workflow(renamed(assemble(), "a2"), late, gate))
    engine.until(lambda: engine.states(second) == ["succeeded", "pending", "running"])
    assert job_of(second)["reused"]
    overwrite(engine, CONTIGS, "edited by hand")
    engine.simulator.act("finish", app="Date", owner=ALICE)

    assert engine.ends(second) == "succeeded"
    assert (miss_of(second, 1)["code"], miss_of(second, 1)["part"]) == ("differs", "params.contigs")
    assert started(engine) == 4


def test_jobs_that_failed_were_killed_or_lost_are_no_sources(engine: Engine) -> None:
    quick = engine.with_limits(lost_deadline=timedelta(seconds=0.2))
    quick.simulator.app("GenomeAssembly2", outcome="failed", count=1)
    failed = quick.submit(workflow(assemble(output_file="failed")))
    assert quick.ends(failed) == "failed"

    quick.simulator.app("GenomeAssembly2", run_seconds=None)
    killed = quick.submit(workflow(assemble(output_file="killed")))
    quick.until(lambda: quick.states(killed) == ["running"])
    commands.cancel(quick.context, killed)
    assert quick.ends(killed) == "cancelled"
    quick.until(lambda: quick.simulator.jobs(output_file="killed")[0]["killed_at"] is not None)

    lost = quick.submit(workflow(assemble(output_file="lost")))
    quick.until(lambda: quick.states(lost) == ["running"])
    quick.simulator.act("vanish", output_file="lost")
    assert quick.ends(lost) == "failed"

    quick.simulator.clear_rules()
    quick.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    last = run(quick, workflow(assemble(output_file="last")))
    assert miss_of(last)["code"] == "no_earlier_job"
    assert started(quick) == 4


def test_a_chain_of_reuse_leads_to_the_job_that_ran(engine: Engine) -> None:
    """Where that is deleted, its results are no longer known: a miss, and no error."""
    first = run(engine, workflow(assemble()))
    second = run(engine, workflow(renamed(assemble(), "b")))
    third = run(engine, workflow(renamed(assemble(), "c")))

    sources: list[Any] = [job_of(each)["reused"]["source"] for each in (second, third)]
    assert sources == [f"{first}/0/1"] * 2


def test_a_cancel_finds_a_reused_step_finished(engine: Engine) -> None:
    """It has no job that could be killed: none is, and the earlier one least of all."""
    first = run(engine, workflow(assemble()))
    engine.simulator.app("GenomeAnnotation", run_seconds=None)
    second = engine.submit(workflow(renamed(assemble(), "b"), annotate()))
    engine.until(lambda: engine.states(second) == ["succeeded", "running"])
    assert job_of(second)["reused"]["source"] == f"{first}/0/1"

    commands.cancel(engine.context, second)

    assert engine.ends(second) == "cancelled"
    engine.until(lambda: outcomes_of(second) == ["already_finished", "killed"])
    (source,) = engine.simulator.jobs(output_file="asm")
    assert source["killed_at"] is None


def outcomes_of(workflow_id: str) -> list[str]:
    states, attempts = stored.get(workflow_id).progress.states, job_rows.history(workflow_id)
    return [each.outcome for each in commands.receipts([""] * len(states), states, attempts)]
