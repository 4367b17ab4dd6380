"""The commands of users: submit, start, cancel, retry, renew the token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from structlog.contextvars import get_contextvars

from workflows.engine.advance import advance
from workflows.engine.context import EngineContext, Recorded
from workflows.model.errors import Conflict, Problem, Unavailable
from workflows.model.states import FINAL_STEP, RETRY_STEPS, RETRY_WORKFLOW, StepState, WorkflowState
from workflows.model.values import Event, Json, Outcome, Spec
from workflows.rules.token_lifetime import ends_too_soon
from workflows.store import credentials
from workflows.store.jobs import polling
from workflows.store.mongo import Row, clock
from workflows.store.workflows import inserts, paused, user_commands
from workflows.store.workflows import rows as workflow_rows

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
    source: str | None = None
    """The source of the workflow as JSON: a CWL submission."""
    waits_for: frozenset[str] = frozenset()
    """The steps after whose success further steps are planned from the source."""


def submit(context: EngineContext, owner: Owner, submission: Submission) -> Accepted:
    """Store a workflow; the next advance starts it.

    Raises ``Conflict`` if its Idempotency-Key came with another body before, and ``Invalid`` for a
    workflow that is too large to store.
    """
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    key = submission.idempotency_key
    digest = hashlib.sha256(submission.body).hexdigest() if key else None
    row = _row(context, owner.name, submission)
    if key:
        row |= {"idempotency_key": key, "body_digest": digest}
    spec = inserts.encode_spec(_workflow_row(row["spec"], submission))
    row["bytes"] = len(spec.raw)
    try:
        inserts.create(row, spec)
    except Conflict:
        known = workflow_rows.by_idempotency_key(owner.name, key or "")
        return _check_repeated(known or {}, digest)
    if not submission.planned:
        context.accepted()
    return Accepted(row["_id"], WorkflowState(row["state"]), created=True, bytes=row["bytes"])


def _workflow_row(spec_id: str, submission: Submission) -> Row:
    found: Row = {"_id": spec_id, "document": dict(submission.document)}
    return found | ({"source": submission.source} if submission.source else {})


def check_size(document: Mapping[str, Json]) -> None:
    """Raises ``Invalid`` for a workflow that is too large to be kept."""
    inserts.encode_spec({"document": dict(document)})


def find_repeated(owner: Owner, key: str, body: bytes) -> Accepted | None:
    """The workflow that was accepted under this Idempotency-Key before, or None.

    Raises ``Conflict`` where it came with another body.
    """
    known = workflow_rows.by_idempotency_key(owner.name, key)
    return _check_repeated(known, hashlib.sha256(body).hexdigest()) if known else None


def _check_repeated(known: Row, digest: str | None) -> Accepted:
    if known.get("body_digest") != digest:
        raise Conflict("This Idempotency-Key was used before with another body.")
    return Accepted(known["_id"], WorkflowState(known["state"]), created=False)


def _row(context: EngineContext, owner: str, submission: Submission) -> Row:
    spec = submission.spec
    state = WorkflowState.PLANNED if submission.planned else WorkflowState.PENDING
    workflow = f"wf_{secrets.token_hex(16)}"
    count = len(spec.steps)
    return {
        "_id": workflow,
        "owner": owner,
        "name": spec.name,
        "labels": dict(spec.labels),
        "apps": sorted({step.app for step in spec.steps}),
        "step_count": count,
        "spec": f"{workflow}/1",
        "state": str(state),
        "states": [str(StepState.PENDING)] * count,
        "attempts": [0] * count,
        "waits_for": [
            place for place, step in enumerate(spec.steps) if step.name in submission.waits_for
        ],
        "again": {},
        "cap": min(spec.max_parallel_steps or context.limits.cap, context.limits.cap),
        "sequence": 0,
        "revision": 0,
        "failures": 0,
        "problems": [dict(problem) for problem in submission.problems],
        "request_id": _request_id(),
    }


def _request_id() -> str:
    """The request id of the present request's log lines."""
    return str(get_contextvars().get("request_id", ""))


def start(context: EngineContext, owner: Owner, workflow: str) -> tuple[Row, bool]:
    """Start a planned workflow; one that has started already is unchanged, or resumed if a restart
    had paused it.

    Answers with its row, and true for the one caller that started it.

    Raises ``NotFound``, and ``Conflict`` where it was stored with problems.
    """
    row = workflow_rows.get(workflow, {"state": 1, "problems": 1, "owner": 1})
    if row["state"] == WorkflowState.PLANNED:
        _refuse_faulty(row)
        credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
        started = user_commands.begin(workflow, _request_id())
        if started:
            context.accepted()
        return workflow_rows.get(workflow), started
    paused.resume(workflow)
    return workflow_rows.get(workflow), False


def _refuse_faulty(row: Row) -> None:
    """Refuses a plan with problems: it is a sketch for display and must never be sent."""
    if row.get("problems"):
        raise Conflict("This plan cannot run: it has problems; submit a corrected workflow.")


def token_warning(context: EngineContext, owner: Owner, spec: Spec) -> Problem | None:
    """A warning where the user's tokens are likely to end before the workflow does; the freshest
    one that is kept counts.
    """
    now = clock()
    if ends_too_soon(spec, context.limits.cap, owner.expires_at, now) is None:
        return None
    kept, refused = credentials.expiry(context.vault, owner.name)
    ends = owner.expires_at if kept is None or refused else max(kept, owner.expires_at)
    return ends_too_soon(spec, context.limits.cap, ends, now)


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
        row = workflow_rows.get(workflow, {"state": 1})
        if row["state"] != WorkflowState.CANCELLED:
            raise Conflict(f"Cannot cancel workflow with status '{row['state']}'")
        return
    try:
        advance(context, [workflow])
    except Unavailable as away:
        log.warning("The sweep will process a cancel", workflow_id=workflow, error=str(away))


def receipts(names: Sequence[str], row: Row, attempts: Sequence[Row]) -> list[Receipt]:
    """The outcome of each step, from the workflow's row and its jobs' rows; pure."""
    last = {each["step"]: each for each in attempts}
    return [
        Receipt(name, (last.get(step) or {}).get("job_id") or "", _outcome(state, last.get(step)))
        for step, (name, state) in enumerate(zip(names, row["states"], strict=True))
    ]


def _outcome(state: str, job: Row | None) -> str:
    if job is None or job["state"] in ("intended", "withdrawn", "rejected"):
        return "never_started"
    reply = job.get("kill_reply")
    ended_by_itself = job.get("outcome") == Outcome.SUCCEEDED
    if reply == polling.KILLED or (reply == polling.UNANSWERED and not ended_by_itself):
        return "killed"
    if job["state"] == "done" or state in (StepState.SUCCEEDED, StepState.FAILED):
        return "already_finished"
    return "kill_requested"


def retry(context: EngineContext, owner: Owner, workflow: str) -> Row:
    """Retry a failed or cancelled workflow: unsuccessful steps start as new attempts.

    Raises ``NotFound``, and ``Conflict`` for any other state and for a plan with problems.
    """
    row = workflow_rows.get(workflow)
    if row["state"] not in RETRY_WORKFLOW:
        raise Conflict(f"Cannot retry workflow with status '{row['state']}'")
    _refuse_faulty(row)
    states = [_anew(StepState(state)) for state in row["states"]]
    event = Event(
        row["sequence"] + 1,
        clock(),
        "workflow",
        row["state"],
        WorkflowState.PENDING,
        reason=f"retry requested by {owner.name}",
    )
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    if not user_commands.restart(workflow, row, states, event, _request_id()):
        return retry(context, owner, workflow)  # its state has changed since: decide again
    context.recorded([Recorded(workflow, row["name"], row["owner"], event, event.at)])
    return workflow_rows.get(workflow)


def _anew(state: StepState) -> StepState:
    """Whether the step starts again; also one whose job is still being killed, which is only
    followed."""
    if state in RETRY_STEPS or state not in FINAL_STEP:
        return StepState.PENDING
    return state


def renew(context: EngineContext, owner: Owner) -> None:
    """Store a fresh token of the user; parked jobs go on with the next sweep or hint."""
    credentials.renew(context.vault, owner.name, owner.token, owner.expires_at)
