"""Plans further steps of a workflow when the results exist that they depend on.

Planning is pure and the names of steps are stable, so a crash here leaves nothing behind, and
planning again gives the same steps. Only the lease is held during planning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final

import structlog
from pymongo.errors import DocumentTooLarge

from workflows.cwl.bvbrc.replan import FurtherSteps, add_further_steps
from workflows.cwl.bvbrc.submission import Plan, submission_from
from workflows.cwl.process.planner import PlannerDefect
from workflows.engine import app_catalogue
from workflows.engine.advance import WAITS, Advanced, advance
from workflows.engine.context import EngineContext, Recorded
from workflows.engine.jobs.intents import results
from workflows.engine.notifications import outgoing
from workflows.engine.notifications.outgoing import subject_of
from workflows.model.errors import Invalid, Problem, Unavailable
from workflows.model.states import StepState
from workflows.model.values import Event, Json, Workflow
from workflows.rules.plan import backoff
from workflows.spec.compiled_spec import CompiledSpec
from workflows.spec.resolver import Resolver
from workflows.store.leases import leases
from workflows.store.workflows import replan as growing
from workflows.store.workflows import rows as workflow_rows
from workflows.store.workflows import specs
from workflows.store.workflows.changes import Claimed
from workflows.store.workflows.replan import Grown

log = structlog.get_logger(__name__)

_AGAIN: Final = timedelta(seconds=5)
"""The first back-off after planning failed for a fault of ours."""
_LIMIT: Final = 200
_MOST_DEFECTS: Final = 8
"""How often planning is tried again after a defect of ours: for about 20 minutes."""
_TOLD: Final = 3
"""How many problems of a workflow are reported; the first is most often the cause of the others."""


class Unplanned(Exception):
    """The workflow could not be planned now; the submitted document is not the cause."""


def replan(context: EngineContext, ids: Iterable[str]) -> Advanced:
    """Plan the further steps of each workflow that is due for it, and advance it.

    A workflow whose lease another process holds is left to that process, or to the sweep.
    """
    total = Advanced()
    for workflow in ids:
        if not context.stopping.is_set() and _grow(context, workflow):
            total += advance(context, [workflow])
    return total


def replan_due(context: EngineContext) -> Iterator[Advanced]:
    """The same for all due workflows, one after the other, round-robin over users: many workflows
    of one user delay another user by one of them.
    """
    tried: list[str] = []
    while len(tried) < _LIMIT and not context.stopping.is_set():
        due = growing.due_of_each(_LIMIT, tried)
        for workflow in due:
            yield replan(context, [workflow])
        tried += due
        if not due:
            return


def _grow(context: EngineContext, workflow: str) -> bool:
    """True if steps were written that an advance must process."""
    token, before = _claim_workflow(context, workflow)
    if before is None or not before.may_grow or before.workflow.cancel_requested:
        growing.let_go(token, workflow)
        return False
    lease = context.limits.lease
    with leases.kept(lease, lambda: workflow_rows.renew(token, [workflow], lease)):
        return _grow_claimed(context, token, before)


def _grow_claimed(context: EngineContext, token: str, before: Claimed) -> bool:
    """The same under its lease."""
    try:
        return _extend(context, token, before, _plan_further_steps(context, before))
    except Invalid as invalid:
        return _refuse(token, before, _reason(invalid.problems))
    except DocumentTooLarge:
        return _refuse(token, before, "with its further steps it is too large to be stored")
    except Unavailable:
        raise  # the lease ends by itself
    except PlannerDefect as defect:
        return _give_up(context, token, before, defect)
    except Exception as defect:  # noqa: BLE001 - one poisoned document must not stop the others
        _put_off(context, token, before, defect)
        return False


def _claim_workflow(context: EngineContext, workflow: str) -> tuple[str, Claimed | None]:
    """The lease, tried for a second: most often an ending advance holds it."""
    token, claimed = "", list[Claimed]()
    for wait in (*WAITS, None):
        token, claimed, unreadable = workflow_rows.claim([workflow], context.limits.lease)
        if claimed or unreadable or wait is None or context.stopping.wait(wait):
            break
    return token, claimed[0] if claimed else None


def _plan_further_steps(context: EngineContext, before: Claimed) -> FurtherSteps:
    """Raises ``Invalid`` if the document is the cause, ``Unplanned`` for other faults."""
    stored = specs.document(before.spec_id)
    found = results_so_far(before.workflow, specs.get(before.spec_id))
    plan = _plan(context, before.workflow.id, found)
    return add_further_steps(stored, plan, app_catalogue.catalogue())


def results_so_far(workflow: Workflow, compiled: CompiledSpec) -> dict[str, dict[str, Json]]:
    """The outputs of each step that has succeeded, by its name."""
    steps = compiled.spec.steps
    known = results(workflow, compiled, range(len(steps)))
    resolver = Resolver(compiled.spec, workflow.attempts, known)
    return {
        step.name: resolver.outputs(place)
        for place, step in enumerate(steps)
        if workflow.states[place] is StepState.SUCCEEDED
    }


def _plan(context: EngineContext, workflow: str, found: Mapping[str, Mapping[str, Json]]) -> Plan:
    """A submission was accepted because it could be planned without any results. If it no longer
    can be, what is known of the apps has changed, or we have."""
    if context.planner is None:
        raise Unplanned("this process does not plan")
    source, table = submission_from(json.loads(specs.source(workflow))), app_catalogue.table()
    try:
        plan = context.planner.plan(source, table, found)
        before = context.planner.plan(source, table) if plan.problems else plan
    except Unavailable as stopped:
        raise Unplanned(str(stopped)) from stopped
    if before.problems:
        raise Unplanned(_reason(before.problems))
    if plan.problems:
        raise Invalid(plan.problems)
    return plan


def _extend(context: EngineContext, token: str, before: Claimed, grown: FurtherSteps) -> bool:
    added = tuple(_step_events(before, grown))
    workflow = before.workflow
    hearing = outgoing.subscriptions_of(context, [workflow.owner]).get(workflow.owner, ())
    subject = subject_of(before, workflow.state, grown.document.get("labels", {}))
    messages = outgoing.report(context, hearing, subject, added)
    made = Grown(before, grown.document, grown.waits_for, added, messages)
    if not growing.extend(token, made):
        return False
    if messages:
        context.notifies()
    context.recorded(
        [
            Recorded(workflow.id, before.name, workflow.owner, each, before.begun_at)
            for each in added
        ]
    )
    log.info("Further steps are planned", workflow_id=workflow.id, steps=len(added))
    return True


def _step_events(before: Claimed, grown: FurtherSteps) -> Iterable[Event]:
    """One event for each further step."""
    old = len(before.workflow.states)
    for number, step in enumerate(grown.document["steps"][old:]):
        yield Event(
            sequence=before.workflow.sequence + number + 1,
            at=before.now,
            subject="step",
            before="",
            after=StepState.PENDING,
            step=old + number,
            step_name=step["step_name"],
            app=step["app"],
        )


def _refuse(token: str, before: Claimed, reason: str) -> bool:
    log.warning("Further steps are impossible", workflow_id=before.workflow.id, reason=reason)
    return growing.refuse(token, before, reason)


def _give_up(context: EngineContext, token: str, before: Claimed, defect: PlannerDefect) -> bool:
    """The planner breaks on this document. A new release may mend that, so it is tried for a while;
    then the workflow fails with a reason, instead of waiting for ever."""
    if before.replan_failures < _MOST_DEFECTS:
        _put_off(context, token, before, defect)
        return False
    log.error("The planner broke too often", workflow_id=before.workflow.id, exc_info=defect)
    context.broken(defect)
    reason = f"the planner broke {before.replan_failures + 1} times: a defect of the engine"
    return _refuse(token, before, reason)


def _put_off(context: EngineContext, token: str, before: Claimed, defect: Exception) -> None:
    wait = backoff(_AGAIN, before.replan_failures + 1)
    log.error(
        "Further steps cannot be planned now",
        workflow_id=before.workflow.id,
        failures=before.replan_failures + 1,
        retry_in_seconds=wait.total_seconds(),
        exc_info=defect,
    )
    context.broken(defect)
    reason = str(defect) if isinstance(defect, Unplanned) else type(defect).__name__
    growing.postpone(token, before.workflow.id, wait, reason)


def _reason(problems: Iterable[Problem]) -> str:
    told = list(map(str, problems))
    more = f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return "; ".join(told[:_TOLD]) + more
