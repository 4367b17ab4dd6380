"""What a process is doing when it dies, and how it came to that point."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cwl.planning import workflow as cwl
from tests.engine.batches import GATHER, end_batch, end_rows, submit_batch
from tests.engine.conftest import Engine, document
from tests.engine.cwl import submit_cwl
from workflows.engine import commands
from workflows.engine.advance import advance
from workflows.engine.batches import commands as batches
from workflows.engine.batches.advance import advance_batch
from workflows.engine.commands import Owner, Submission
from workflows.engine.deleting import delete_workflow
from workflows.engine.jobs.evidence import collect_evidence
from workflows.engine.jobs.kill import kill_jobs
from workflows.engine.jobs.lookup import resolve_jobs
from workflows.engine.jobs.poll import poll_jobs
from workflows.engine.purge import Keep, purge
from workflows.engine.replan import replan
from workflows.engine.reuse.look_up import check_reuse
from workflows.engine.reuse.note import note_results
from workflows.model.errors import NotFound
from workflows.model.states import JobState
from workflows.spec.document import spec_from
from workflows.store import documents, removals
from workflows.store.batches import stored as batch_rows
from workflows.store.due import Work, due
from workflows.store.mongo import collection
from workflows.store.workflows import stored

AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class Verb:
    """``prepare`` brings a workflow to where ``act`` applies; ``again`` is what a person does who
    got no answer; ``expected`` is how the workflow ends."""

    name: str
    prepare: Callable[[Engine], str]
    act: Callable[[Engine, str], Any]
    expected: str = "succeeded"
    again: Callable[[Engine, str], Any] = lambda _engine, _workflow: None
    workflows: int = 1
    """How many there are in the end. 0: nor is anything left that belonged to them."""


def submitted(engine: Engine) -> str:
    return engine.submit(document("", "a", ""))


def intended(engine: Engine) -> str:
    workflow = submitted(engine)
    advance(engine.context, [workflow])
    return workflow


def active(engine: Engine) -> str:
    workflow = intended(engine)
    send(engine)
    return workflow


def send(engine: Engine) -> None:
    """A call of a process that has just died holds its place for a moment."""
    waits = {"owner": engine.user, "state": JobState.INTENDED}

    def are_sent() -> bool:
        engine.drain.run(engine.context)
        return collection(documents.Job).find_one(waits) is None

    wait(are_sent)


def in_doubt(*, done: bool) -> Callable[[Engine], str]:
    def prepare(engine: Engine) -> str:
        engine.simulator.fault("lost", "start_app2", user=engine.user, count=1, done=done)
        workflow = active(engine)
        wait(lambda: Work.LOOK_UP in due(AT_ONCE, AT_ONCE).works)
        if not done:
            wait(lambda: overdue(workflow))
        return workflow

    return prepare


def overdue(workflow: str) -> bool:
    """Whether "not found" would be believed of every job that is being sent."""
    now = datetime.now(UTC)
    rows = collection(documents.Job).find({"workflow": workflow, "state": "sending"})
    return all(row["absent_after"] <= now for row in rows)


def unwanted(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, run_seconds=None)
    workflow = active(engine)
    commands.cancel(engine.context, workflow)
    return workflow


def unwanted_in_doubt(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, run_seconds=None)
    workflow = in_doubt(done=True)(engine)
    commands.cancel(engine.context, workflow)
    wait(lambda: Work.LOOK_UP in due(AT_ONCE, AT_ONCE).works)
    return workflow


def find_and_kill(engine: Engine, _workflow: str) -> None:
    resolve_jobs(engine.context)
    kill_jobs(engine.context)


GROWS = """
  a: {run: 'bvbrc://Date', in: {}, out: [now]}
  b: {run: 'bvbrc://Date', out: [], in: {g: a/now, output_file: {valueFrom: $(inputs.g.nameroot)}}}
"""


def may_grow(engine: Engine) -> str:
    """A result is there that says which step follows, and nobody has planned with it."""
    workflow = submit_cwl(
        engine, cwl(GROWS, needs="StepInputExpressionRequirement"), f"/{engine.user}/home"
    )
    engine.until(
        lambda: (
            collection(documents.Workflow).count_documents(
                {"_id": workflow, "replan_due": {"$exists": True}}
            )
            == 1
        )
    )
    return workflow


def running(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, run_seconds=None)
    return active(engine)


def failed(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, outcome="failed", run_seconds=0, count=2)
    workflow = submitted(engine)
    engine.ends(workflow)
    return workflow


def failing(engine: Engine) -> str:
    """Its job has failed, and nobody has asked why."""
    engine.simulator.app(user=engine.user, outcome="failed", queue_seconds=0, run_seconds=0)
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    send(engine)

    def is_known() -> bool:
        poll_jobs(engine.context, [engine.user])
        return Work.ASK_WHY in due(AT_ONCE, AT_ONCE).works

    wait(is_known)
    return workflow


def parked(engine: Engine) -> str:
    workflow = submitted(engine)
    engine.simulator.expire(engine.user)
    advance(engine.context, [workflow])
    engine.drain.run(engine.context)
    return workflow


def submit_once(engine: Engine, _workflow: str) -> None:
    found = document("", "a", "")
    keyed = Submission(spec_from(found), found, idempotency_key="once", body=b"once")
    commands.submit(engine.context, engine.owner(), keyed)


def retry_once(engine: Engine, workflow: str) -> None:
    if stored.get(workflow).state == "failed":
        commands.retry(engine.context, engine.owner(), workflow)


def batch(engine: Engine) -> str:
    return submit_batch(engine, 3, max_active=2)


def may_gather(engine: Engine) -> str:
    """The rows of a batch have ended, and its gather has not begun."""
    found = submit_batch(engine, 2, gather=GATHER)
    end_rows(engine, found)
    return found


def running_batch(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, run_seconds=None)
    found = batch(engine)
    advance_batch(engine.context, found)
    send(engine)
    return found


def only_batch() -> str:
    row = collection(documents.Batch).find_one({}, {"_id": 1})
    assert row
    return str(row["_id"])


def end_only_batch(engine: Engine, _workflow: str) -> None:
    end_batch(engine, only_batch())


def cancel_batch(engine: Engine, _workflow: str) -> None:
    batches.cancel(batch_rows.get(only_batch()))
    end_batch(engine, only_batch())


ANNOTATION = {
    "contigs": "/{user}/home/c.fasta",
    "scientific_name": "Escherichia coli",
    "taxonomy_id": 562,
    "output_path": "/{user}/home/run",
}


def annotations(engine: Engine, name: str) -> dict[str, Any]:
    """Two steps that may take earlier results."""
    params = {
        key: value.format(user=engine.user) if isinstance(value, str) else value
        for key, value in ANNOTATION.items()
    }
    steps = [
        {
            "step_name": f"{name}{code}",
            "app": "GenomeAnnotation",
            "params": {**params, "code": code, "output_file": f"{name}{code}"},
            "outputs": {},
            "depends_on": [],
        }
        for code in (4, 11)
    ]
    return document() | {"steps": steps, "reuse": "mine"}


def has_results(engine: Engine) -> str:
    """Jobs have ended, and nothing is noted of what they left."""
    engine.owner()
    engine.simulator.put(engine.token, f"/{engine.user}/home/c.fasta")
    workflow = engine.submit(annotations(engine, "x"))
    advance(engine.context, [workflow])
    check_reuse(engine.context)
    send(engine)
    noted = {"workflow": workflow, "seen_due": {"$type": "date"}}
    while collection(documents.Job).count_documents(noted) < 2:
        poll_jobs(engine.context, [engine.user])
        time.sleep(0.05)
    return workflow


def may_reuse(engine: Engine) -> str:
    """Jobs whose results are there look for them."""
    has_results(engine)
    note_results(engine.context)
    workflow = engine.submit(annotations(engine, "y"))
    advance(engine.context, [workflow])
    return workflow


def ended(engine: Engine) -> str:
    workflow = engine.submit(document("", "a"))
    engine.ends(workflow)
    return workflow


def hidden(engine: Engine) -> str:
    """The process that deleted it died when nobody could see it any more."""
    workflow = ended(engine)
    assert removals.hide(workflow, removals.DELETABLE)
    return workflow


def delete_again(engine: Engine, workflow: str) -> None:
    """The user repeats what was not answered; what is hidden is left to the retention task."""
    with suppress(NotFound):
        delete_workflow(workflow)
    purge(engine.context, Keep())


def renew(engine: Engine, _workflow: str) -> None:
    token = engine.simulator.token(engine.user)
    owner = Owner(engine.user, token, datetime.now(UTC) + timedelta(days=30))
    commands.renew(engine.context, owner)


def cancel(engine: Engine, workflow: str) -> None:
    commands.cancel(engine.context, workflow)


VERBS = [
    # Those with the most effects first: each verb's points follow one another.
    Verb("ask why", failing, lambda engine, _: collect_evidence(engine.context), "failed"),
    Verb("start", intended, lambda engine, _: engine.drain.run(engine.context)),
    Verb("adopt", in_doubt(done=True), lambda engine, _: resolve_jobs(engine.context)),
    Verb("resend", in_doubt(done=False), lambda engine, _: resolve_jobs(engine.context)),
    Verb("poll", active, lambda engine, _: poll_jobs(engine.context, [engine.user])),
    Verb("kill in doubt", unwanted_in_doubt, find_and_kill, "cancelled"),
    Verb("cancel", running, cancel, "cancelled", again=cancel),
    Verb("retry", failed, retry_once, again=retry_once),
    Verb("advance", submitted, lambda engine, workflow: advance(engine.context, [workflow])),
    Verb("grow", may_grow, lambda engine, workflow: replan(engine.context, [workflow])),
    Verb("submit", lambda _engine: "", submit_once, again=submit_once),
    Verb("kill", unwanted, lambda engine, _: kill_jobs(engine.context), "cancelled"),
    Verb(
        "make rows",
        batch,
        lambda engine, found: advance_batch(engine.context, found),
        again=end_only_batch,
        workflows=3,
    ),
    Verb(
        "make the gather",
        may_gather,
        lambda engine, found: advance_batch(engine.context, found),
        again=end_only_batch,
        workflows=3,
    ),
    Verb(
        "cancel a batch",
        running_batch,
        lambda _, found: batches.cancel(batch_rows.get(found)),
        "cancelled",
        again=cancel_batch,
        workflows=2,
    ),
    Verb("reuse", may_reuse, lambda engine, _: check_reuse(engine.context), workflows=2),
    Verb("note results", has_results, lambda engine, _: note_results(engine.context)),
    Verb("delete", ended, lambda _, it: delete_workflow(it), again=delete_again, workflows=0),
    Verb("finish a deletion", hidden, delete_again, again=delete_again, workflows=0),
    Verb("renew", parked, renew, again=renew),
]


def wait(reached: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it was not reached in time"
        time.sleep(0.02)
