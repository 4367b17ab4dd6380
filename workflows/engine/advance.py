"""Advances some workflows: claim, observe, plan, commit. It uses MongoDB only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from pymongo.errors import PyMongoError

from workflows.engine.context import EngineContext, Recorded
from workflows.engine.jobs.intents import intents
from workflows.engine.notifications import outgoing
from workflows.engine.notifications.outgoing import Subscriptions, planned_subject
from workflows.model.errors import Unavailable
from workflows.model.states import FINAL_WORKFLOW, JobState
from workflows.rules.plan import backoff, plan
from workflows.store.jobs import rows as job_rows
from workflows.store.jobs.rows import OpenJobs
from workflows.store.leases import leases
from workflows.store.users import preferences as users
from workflows.store.workflows import paused, specs
from workflows.store.workflows import rows as workflow_rows
from workflows.store.workflows.changes import Change, Claimed

log = structlog.get_logger(__name__)

CHUNK = 50
"""Workflows in one transaction."""
WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds between tries to get a lease that another process holds."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """The work that an advance left to others."""

    kills: int = 0
    finds: int = 0
    """Jobs that have ended and whose outputs are to be found."""
    failures: int = 0
    """Jobs that failed and of which the reason is to be asked."""

    def __add__(self, other: Advanced) -> Advanced:
        return Advanced(
            self.kills + other.kills, self.finds + other.finds, self.failures + other.failures
        )


def advance(context: EngineContext, ids: Iterable[str]) -> Advanced:
    """Advance each workflow as far as its jobs allow.

    Workflows that another process is advancing are tried again for a second, then left to the
    sweep: their changes stay stored until an advance processes them.
    """
    rest = list(dict.fromkeys(ids))
    total = Advanced()
    for wait in (*WAITS, None):
        held: list[str] = []
        for start in range(0, len(rest), CHUNK):
            done, missed = _chunk(context, rest[start : start + CHUNK])
            total += done
            held += missed
        rest = held
        if not rest or wait is None or context.stopping.wait(wait):
            break
    return total


def _chunk(context: EngineContext, ids: Sequence[str]) -> tuple[Advanced, list[str]]:
    """Returns the remaining work, and the workflows whose lease another process holds."""
    lease = context.limits.lease
    token, claimed, unreadable = workflow_rows.claim(ids, lease)
    mine = [*(each.workflow.id for each in claimed), *unreadable]
    with leases.kept(lease, lambda: workflow_rows.renew(token, mine, lease)):
        written = _turns(context, token, claimed, unreadable)
    again = [change.after.id for change in written if change.kills]
    done = Advanced(kills=sum(len(change.kills) for change in written))
    missed = _missed_workflows([each for each in ids if each not in set(mine)])
    return done, missed + again


def _turns(
    context: EngineContext, token: str, claimed: Sequence[Claimed], unreadable: Sequence[str]
) -> list[Change]:
    """Decides and writes what follows for each; returns what was written."""
    for workflow in unreadable:
        _put_off(context, token, workflow, 1, ValueError("its document cannot be read"))
    open_jobs = job_rows.open_jobs(each.workflow.id for each in claimed) if claimed else {}
    hearing = outgoing.subscriptions_of(context, {each.workflow.owner for each in claimed})
    changes = [
        change
        for each in claimed
        if (
            change := _turn(
                context, token, each, open_jobs.get(each.workflow.id, OpenJobs()), hearing
            )
        )
    ]
    _note_priorities(changes)
    written = _commit(context, token, [change for change in changes if not change.empty])
    idle = [change.after.id for change in changes if change.empty]
    if idle:
        workflow_rows.release(token, idle)
    _tell(context, written)
    return written


def _note_priorities(changes: Iterable[Change]) -> None:
    """Before jobs with a priority are stored: claims look at it from then on."""
    jobs = (job for change in changes for job in change.new_jobs)
    if owners := {job.owner for job in jobs if job.priority}:
        users.note_priorities(owners)


def _missed_workflows(ids: Sequence[str]) -> list[str]:
    """The workflows whose lease another process holds; paused ones are not retried."""
    aside = paused.paused_since(ids)
    for workflow, now in aside.items():
        job_rows.discard_changes(workflow, now)
    return workflow_rows.existing([each for each in ids if each not in aside])


def _turn(
    context: EngineContext,
    token: str,
    claimed: Claimed,
    open_jobs: OpenJobs,
    hearing: Subscriptions,
) -> Change | None:
    """Plan each workflow. One on which the rules fail is postponed and delays no other."""
    workflow, jobs = claimed.workflow, open_jobs.jobs
    if open_jobs.defect:
        _put_off(context, token, workflow.id, claimed.failures + 1, open_jobs.defect)
        return None
    try:
        blueprint = specs.get(claimed.spec_id)
        decided = plan(blueprint, workflow, jobs, claimed.now)
        subject = planned_subject(claimed, decided.workflow, blueprint.spec)
        reuse_until = claimed.now + context.reuse.patience if context.reuse else None
        return Change(
            before=claimed,
            after=decided.workflow,
            next_check=decided.next_check,
            new_jobs=intents(blueprint, decided, claimed.request_id, reuse_until),
            kills=decided.kills,
            announced=decided.announced,
            settled=decided.settled,
            seen=jobs,
            events=decided.events,
            replan=decided.replan,
            names_results=decided.workflow.state in FINAL_WORKFLOW
            and any(step.outputs for step in blueprint.spec.steps),
            messages=outgoing.report(
                context, hearing.get(workflow.owner, ()), subject, decided.events
            ),
        )
    except (PyMongoError, Unavailable):
        raise
    except Exception as defect:  # noqa: BLE001 - one poisoned document must not stop the others
        _put_off(context, token, workflow.id, claimed.failures + 1, defect)
        return None


def _put_off(
    context: EngineContext, token: str, workflow: str, failures: int, defect: Exception
) -> None:
    wait = backoff(timedelta(seconds=10), failures)
    log.error(
        "A workflow cannot be advanced",
        workflow_id=workflow,
        failures=failures,
        retry_in_seconds=wait.total_seconds(),
        exc_info=defect,
    )
    context.broken(defect)
    workflow_rows.postpone(token, workflow, wait)


def _commit(context: EngineContext, token: str, changes: Sequence[Change]) -> list[Change]:
    """Write all changes at once; if one cannot be written, each alone, so that only that one
    waits."""
    if not changes:
        return []
    try:
        return workflow_rows.commit(token, changes)
    except PyMongoError as defect:
        if len(changes) == 1:
            before = changes[0].before
            _put_off(context, token, before.workflow.id, before.failures + 1, defect)
            return []
        return [done for change in changes for done in _commit(context, token, [change])]


def _tell(context: EngineContext, written: Sequence[Change]) -> None:
    """Report what was written; the sender first, since it works while the next chunk is
    advanced."""
    made = {job.state for change in written for job in change.new_jobs}
    if JobState.CHECKING in made:
        context.checks()
    if made - {JobState.CHECKING}:
        context.sends()
    recorded = [
        Recorded(
            change.after.id,
            change.before.name,
            change.after.owner,
            event,
            change.before.begun_at,
        )
        for change in written
        for event in change.events
    ]
    if recorded:
        context.recorded(recorded)
    if any(change.messages for change in written):
        context.notifies()
    batches = {
        change.before.batch
        for change in written
        if change.before.batch and change.after.state in FINAL_WORKFLOW
    }
    if batches:
        context.rows_ended(batches)
    growing = [change.after.id for change in written if change.grows]
    if growing:
        context.grows(growing)
