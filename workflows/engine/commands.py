"""The commands of users: submit, start, cancel, retry, renew the token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from bson.raw_bson import RawBSONDocument
from structlog.contextvars import get_contextvars

from workflows.engine.advance import advance
from workflows.engine.context import EngineContext, Recorded
from workflows.engine.notifications import outgoing
from workflows.model.errors import Conflict, FaultyPlan, Problem, Unavailable
from workflows.model.states import (
    RETRY_WORKFLOW,
    JobState,
    StepState,
    WorkflowState,
)
from workflows.model.values import Event, Job, Json, Outcome, Spec
from workflows.rules.retry import states_after_retry, steps_again
from workflows.rules.tokens.lifetime import ends_too_soon, job_outlives_token
from workflows.rules.webhooks.events import Subject
from workflows.store import clock as compared_clock
from workflows.store.jobs import kills
from workflows.store.mongo import clock
from workflows.store.users import credentials
from workflows.store.users import preferences as users
from workflows.store.workflows import inserts, paused, specs, stored, user_commands
from workflows.store.workflows.inserts import NewWorkflow, Repeated
from workflows.store.workflows.specs import UNKNOWN_ORIGIN, Origin
from workflows.store.workflows.stored import StoredWorkflow

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """The user of a command, with a verified token."""

    name: str
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Owner({self.name!r}, token=…)"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A durably stored workflow."""

    id: str
    state: WorkflowState
    created: bool
    """False if the same request was accepted before."""
    bytes: int = 0
    """The stored bytes."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A validated workflow and the options of its submission."""

    spec: Spec
    document: Mapping[str, Json]
    """The normalised form of ``spec``."""
    planned: bool = False
    """True to store it without starting it."""
    problems: Sequence[Mapping[str, Json]] = ()
    """The problems of a plan that cannot run."""
    idempotency_key: str | None = None
    """The same key and body is accepted once for each user."""
    body: bytes = b""
    """The digest of the request, which detects a repetition."""
    origin: Origin = UNKNOWN_ORIGIN
    """What the workflow was made from, and how it was asked for."""
    waits_for: frozenset[str] = frozenset()
    """The steps after whose success further steps are planned from the source."""
    template: Mapping[str, Json] = field(default_factory=dict)
    """``{name, version}`` of the template that it was made from."""


def submit(context: EngineContext, owner: Owner, submission: Submission) -> Accepted:
    """Store a workflow; the next advance starts it.

    Raises ``Conflict`` if its Idempotency-Key came with another body before, and ``Invalid`` for a
    workflow that is too large to store.
    """
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    new = _new_workflow(context, owner.name, submission)
    try:
        size = inserts.create(new, submission.document, submission.origin)
    except Conflict:
        repeated = inserts.find_repeated(owner.name, new.idempotency_key or "")
        return _check_repeated(repeated, new.body_digest)
    if not submission.planned:
        context.accepted()
    return Accepted(new.id, new.state, created=True, bytes=size)


def check_size(document: Mapping[str, Json]) -> None:
    """Raises ``Invalid`` for a workflow that is too large to be kept."""
    inserts.encode_spec(document)


def find_repeated(owner: Owner, key: str, body: bytes) -> Accepted | None:
    """The workflow that was accepted under this Idempotency-Key before, or None.

    Raises ``Conflict`` where it came with another body.
    """
    repeated = inserts.find_repeated(owner.name, key)
    return _check_repeated(repeated, hashlib.sha256(body).hexdigest()) if repeated else None


def _check_repeated(repeated: Repeated | None, digest: str | None) -> Accepted:
    if repeated is None or repeated.body_digest != digest:
        raise Conflict("This Idempotency-Key was used before with another body.")
    return Accepted(repeated.id, repeated.state, created=False)


def _new_workflow(context: EngineContext, owner: str, submission: Submission) -> NewWorkflow:
    spec, key = submission.spec, submission.idempotency_key
    return NewWorkflow(
        id=f"wf_{secrets.token_hex(16)}",
        spec=spec,
        owner=owner,
        state=WorkflowState.PLANNED if submission.planned else WorkflowState.PENDING,
        cap=min(spec.max_parallel_steps or context.limits.cap, context.limits.cap),
        waits_for=[
            number for number, step in enumerate(spec.steps) if step.name in submission.waits_for
        ],
        problems=submission.problems,
        template=submission.template,
        request_id=_request_id(),
        idempotency_key=key,
        body_digest=hashlib.sha256(submission.body).hexdigest() if key else None,
    )


def _request_id() -> str:
    """The request id of the present request's log lines."""
    return str(get_contextvars().get("request_id", ""))


def start(context: EngineContext, owner: Owner, workflow: str) -> tuple[StoredWorkflow, bool]:
    """Start a planned workflow; one that has started already is unchanged, or resumed if a restart
    had paused it.

    Answers with the workflow, and true for the one caller that started it.

    Raises ``NotFound``, and ``FaultyPlan`` where it was stored with problems.
    """
    found = stored.get(workflow)
    if found.state is WorkflowState.PLANNED:
        _refuse_faulty(found)
        credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
        started = user_commands.begin(workflow, _request_id())
        if started:
            context.accepted()
        return stored.get(workflow), started
    paused.resume(workflow)
    return stored.get(workflow), False


def _refuse_faulty(plan: StoredWorkflow) -> None:
    """Refuses a plan with problems: it is a sketch for display and must never be sent."""
    if plan.problems:
        raise FaultyPlan(Problem(**problem) for problem in plan.problems)


def token_warning(context: EngineContext, owner: Owner, spec: Spec) -> Problem | None:
    """A warning where the user's tokens are likely to end before the workflow does; the freshest
    one that is kept counts. Where the engine renews it: if a job may outlive its own token.
    """
    now = compared_clock.now()
    if ends_too_soon(spec, context.limits.cap, owner.expires_at, now) is None:
        return None
    kept, refused = credentials.expiry(context.vault, owner.name)
    ends = owner.expires_at if kept is None or refused else max(kept, owner.expires_at)
    warning = ends_too_soon(spec, context.limits.cap, ends, now)
    return job_outlives_token(ends, now) if warning and renews(context, owner.name) else warning


def renews(context: EngineContext, owner: str) -> bool:
    """Whether the engine renews the user's token while there is work under way."""
    return context.user_service is not None and not users.without_renewal([owner])


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of one step of a cancelled workflow."""

    step_name: str
    job_id: str
    outcome: str
    """``never_started``, ``killed``, ``already_finished`` or ``kill_requested``."""


def cancel(context: EngineContext, workflow: str) -> None:
    """No further step starts after the return. Cancelling is idempotent.

    The cancel is durable before any kill is tried, so a failing kill does not fail the cancel.
    Raises ``NotFound``, and ``Conflict`` where it had ended otherwise.
    """
    if not user_commands.request_cancel(workflow):
        state = stored.get(workflow).state
        if state is not WorkflowState.CANCELLED:
            raise Conflict(f"Cannot cancel workflow with status '{state}'")
        return
    try:
        advance(context, [workflow])
    except Unavailable as away:
        log.warning("The sweep will process a cancel", workflow_id=workflow, error=str(away))


def receipts(
    names: Sequence[str], states: Sequence[StepState], attempts: Sequence[Job]
) -> list[Receipt]:
    """The outcome of each step of a cancelled workflow, from its state and its last job; pure."""
    last = {job.step: job for job in attempts}
    jobs = [last.get(step) for step in range(len(names))]
    return [
        Receipt(name, job.job_id if job else "", _outcome(state, job))
        for name, state, job in zip(names, states, jobs, strict=True)
    ]


_UNSENT: Final = frozenset(
    {JobState.CHECKING, JobState.INTENDED, JobState.WITHDRAWN, JobState.REJECTED}
)


def _outcome(state: StepState, job: Job | None) -> str:
    if job is None or job.state in _UNSENT:
        return "never_started"
    ended_by_itself = job.outcome is Outcome.SUCCEEDED
    if job.kill_reply == kills.KILLED or (
        job.kill_reply == kills.UNANSWERED and not ended_by_itself
    ):
        return "killed"
    if job.state is JobState.DONE or state in (StepState.SUCCEEDED, StepState.FAILED):
        return "already_finished"
    return "kill_requested"


def retry(context: EngineContext, owner: Owner, workflow: str) -> StoredWorkflow:
    """Retry a failed or cancelled workflow: unsuccessful steps start as new attempts.

    Raises ``NotFound``, ``Conflict`` for any other state, and ``FaultyPlan``.
    """
    found = stored.get(workflow)
    check_retry(found)
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    if not restart(context, found, owner.name):
        return retry(context, owner, workflow)  # its state has changed since: decide again
    return stored.get(workflow)


def check_retry(found: StoredWorkflow) -> None:
    """Raises ``Conflict`` unless it failed or was cancelled, and ``FaultyPlan``."""
    if found.state not in RETRY_WORKFLOW:
        if found.status is WorkflowState.CANCELLED:
            raise Conflict("Cannot retry a workflow while its cancel is processed; try again")
        raise Conflict(f"Cannot retry workflow with status '{found.state}'")
    _refuse_faulty(found)


@dataclass(frozen=True, slots=True)
class Restart:
    """How a workflow starts again, beyond what did not succeed."""

    start_from: frozenset[int] = frozenset()
    """Steps that start again with all that depends on them, though they have succeeded."""
    version: RawBSONDocument | None = None
    """A new version of its spec."""
    note: str = ""
    """What was changed, for its history."""


def restart(
    context: EngineContext,
    found: StoredWorkflow,
    user: str,
    condition: Mapping[str, Json] | None = None,
    how: Restart = Restart(),
) -> bool:
    """Restart a failed or cancelled workflow; false if it has changed since it was read, or does
    not meet the condition."""
    before = found.progress.states
    dependents = specs.get(found.spec_id).dag.dependents if how.start_from else ()
    states = states_after_retry(before, steps_again(before, dependents, how.start_from))
    event = Event(
        found.progress.sequence + 1,
        clock(),
        "workflow",
        found.state,
        WorkflowState.PENDING,
        reason=f"retry requested by {user}{how.note}",
    )
    hearing = outgoing.subscriptions_of(context, [found.owner]).get(found.owner, ())
    subject = Subject(found.id, found.name, event.after, found.labels, found.batch)
    messages = outgoing.report(context, hearing, subject, [event])
    changed = user_commands.restart(
        found.id,
        found.revision,
        states,
        event,
        _request_id(),
        dict(condition or {}),
        how.version,
        messages,
        found.batch,
    )
    if changed and messages:
        context.notifies()
    if changed:
        context.recorded([Recorded(found.id, found.name, found.owner, event, event.at)])
    return changed


def renew(context: EngineContext, owner: Owner) -> None:
    """Store a fresh token of the user; parked jobs go on with the next sweep or hint."""
    credentials.renew(context.vault, owner.name, owner.token, owner.expires_at)
