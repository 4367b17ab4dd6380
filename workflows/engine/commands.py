"""What a person may ask of the engine: submit, start, cancel, try again, give a fresh token."""

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
    """Who asks, with a token that was verified."""

    name: str
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Owner({self.name!r}, token=…)"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A workflow that is stored, durably."""

    id: str
    state: WorkflowState
    created: bool
    """False where the same request had been accepted before."""
    bytes: int = 0
    """Of what was stored for it now."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A validated workflow, and how it was asked for."""

    spec: Spec
    document: Mapping[str, Json]
    """The normalised form of ``spec``."""
    planned: bool = False
    """Only stored, not started."""
    problems: Sequence[Mapping[str, Json]] = ()
    """Why it cannot run, of a plan."""
    idempotency_key: str | None = None
    """The same key and body is accepted once for each user."""
    body: bytes = b""
    """What was sent, to tell whether it is the same."""
    source: str | None = None
    """What the workflow was made from, as JSON: a CWL submission."""
    waits_for: frozenset[str] = frozenset()
    """The steps after whose success further ones are planned from it."""


def submit(context: EngineContext, owner: Owner, submission: Submission) -> Accepted:
    """Store a workflow; it starts as soon as somebody advances it.

    Raises ``Conflict`` where its Idempotency-Key came with another body before, and ``Invalid`` for
    what is too large to be kept.
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
    """What was accepted under this Idempotency-Key before; None if nothing was.

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
    """What the log lines of this request carry."""
    return str(get_contextvars().get("request_id", ""))


def start(context: EngineContext, owner: Owner, workflow: str) -> tuple[Row, bool]:
    """Start a planned workflow; one that has started already stays as it is, but goes on where a
    restart had set it aside.

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
    """What was stored with problems is a sketch to look at: nothing of it may ever be sent."""
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
    """What became of one step of a cancelled workflow."""

    step_name: str
    job_id: str
    outcome: str
    """``never_started``, ``killed``, ``already_finished`` or ``kill_requested``."""


def cancel(context: EngineContext, workflow: str) -> None:
    """From the return on no further step starts. Cancelling again changes nothing.

    The wish is durable before anything else is tried, so what fails then does not fail the cancel.
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
        log.warning("The sweep takes a cancel in", workflow_id=workflow, error=str(away))


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
    """Take up a failed or cancelled workflow again: what did not succeed starts as new attempts.

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
        reason=f"retry asked for by {owner.name}",
    )
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    if not user_commands.restart(workflow, row, states, event, _request_id()):
        return retry(context, owner, workflow)  # it moved meanwhile: judge it anew
    context.recorded([Recorded(workflow, row["name"], row["owner"], event, event.at)])
    return workflow_rows.get(workflow)


def _anew(state: StepState) -> StepState:
    """A step that is still being killed starts anew as well; its old job is only followed."""
    if state in RETRY_STEPS or state not in FINAL_STEP:
        return StepState.PENDING
    return state


def renew(context: EngineContext, owner: Owner) -> None:
    """Keep a fresh token of the user; what was parked goes on with the next sweep or hint."""
    credentials.renew(context.vault, owner.name, owner.token, owner.expires_at)
