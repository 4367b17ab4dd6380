"""Results of sends, stored only under the claim of the send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pymongo import UpdateMany, UpdateOne

from workflows.model.job_moves import (
    DOUBT,
    FINISH,
    PUT_BACK,
    REJECT,
    START,
    WITHDRAW_CLAIMED,
    Mark,
    Transition,
)
from workflows.model.states import JobState
from workflows.model.values import Basis, Job, Outcome
from workflows.store import documents
from workflows.store.jobs.rows import basis_row
from workflows.store.jobs.transitions import guard, guard_of, update
from workflows.store.mongo import NOW, Row, collection, later, map_by_id, translate_errors

_KNOWN: Row = {"in_doubt": False}
_STARTED: Row = {**_KNOWN, "submitted_at": NOW, "due": NOW}
_CLAIM = ("claim", "absent_after", "answered")
"""What is stored of a claim that has ended."""
_REFUSED: Row = {
    "refusals": {"$add": [{"$ifNull": ["$refusals", 0]}, 1]},
    "refused_since": {"$ifNull": ["$refused_since", NOW]},
}


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of one send; one of the constructors below makes it."""

    job: Job
    move: Transition
    fields: Row
    """Expressions of an aggregation; what came from outside stands in the next two."""
    reason: str = ""
    job_id: str = ""
    unset: tuple[str, ...] = ()
    basis: Basis | None = None
    """What its result will rest on, where that was read for this send."""

    @property
    def update(self) -> list[Row]:
        """Texts from outside are literals: one that begins with ``$`` would be taken for a path."""
        texts: Row = {"reason": {"$literal": self.reason}}
        if self.job_id:
            texts["job_id"] = {"$literal": self.job_id}
        return update(self.move, {**self.fields, **texts}, self.unset)

    @property
    def after(self) -> JobState:
        """The state of a job that is still wanted."""
        return self.move.target or JobState.SENDING

    @property
    def unprocessed(self) -> bool:
        """Whether the workflow must process it."""
        return self.move.mark is Mark.PROCESS

    def write(self) -> UpdateOne:
        return UpdateOne(guard_of(self.move, self.job), self.update)


def job_started(job: Job, job_id: str, basis: Basis | None = None) -> SendResult:
    return SendResult(job, START, _STARTED, job_id=job_id, basis=basis)


def unsent(job: Job, reason: str, wait: timedelta) -> SendResult:
    """Provably not sent: back into the outbox, unless it is unwanted."""
    fields: Row = {
        **_KNOWN,
        "due": later(wait),
        "tries": {"$add": ["$tries", 1]},
    }
    return SendResult(job, PUT_BACK, fields, reason=reason, unset=_CLAIM)


def withheld(job: Job, reason: str, wait: timedelta) -> SendResult:
    """The same where a hold keeps it from starting, which is no try."""
    return SendResult(job, PUT_BACK, {**_KNOWN, "due": later(wait)}, reason=reason, unset=_CLAIM)


def refused_for_now(job: Job, reason: str, wait: timedelta) -> SendResult:
    """The same after a refusal without a conclusive reason, which is not retried for ever."""
    sent = unsent(job, reason, wait)
    return replace(sent, fields={**sent.fields, **_REFUSED})


def doubtful(
    job: Job, reason: str, lookup_in: timedelta, believe_in: timedelta | None
) -> SendResult:
    """The answer is lost. ``believe_in`` shortens the grace where AppService itself said that the
    call is over, without a reason.
    """
    fields: Row = {
        "in_doubt": True,
        "due": later(lookup_in),
    }
    if believe_in is not None:
        fields |= {"absent_after": later(believe_in), "answered": True, **_REFUSED}
    return SendResult(job, DOUBT, fields, reason=reason)


def job_rejected(job: Job, reason: str) -> SendResult:
    return SendResult(job, REJECT, {**_KNOWN, "finished_at": NOW}, reason=reason)


def job_finished(
    job: Job, outcome: Outcome, reason: str, results: Mapping[str, object]
) -> SendResult:
    """A step that the engine ran itself has ended."""
    return SendResult(
        job,
        FINISH,
        {
            **_KNOWN,
            "outcome": str(outcome),
            "results": {"$literal": dict(results)},
            "started_at": "$sent_at",
            "submitted_at": "$sent_at",
            "finished_at": NOW,
        },
        reason=reason,
    )


def withdrawn(job: Job) -> SendResult:
    """Its workflow ended between the claim and the sending."""
    return SendResult(job, WITHDRAW_CLAIMED, _KNOWN)


def record(outcomes: Sequence[SendResult]) -> list[SendResult]:
    """Store the results; returns those that started a job under a claim that was no longer valid.
    Idempotent.
    """
    if not outcomes:
        return []
    with translate_errors():
        result = collection(documents.Job).bulk_write(_writes(outcomes), ordered=False)
        if result.matched_count == len(outcomes):
            return []
        return [sent for sent in outcomes if sent.job_id and sent.job_id != known_id(sent.job)]


def _writes(outcomes: Sequence[SendResult]) -> list[UpdateOne | UpdateMany]:
    """All that were started under one claim in one statement; what is rarer one by one."""
    writes: list[UpdateOne | UpdateMany] = []
    claims: dict[str, dict[str, SendResult]] = defaultdict(dict)
    for sent in outcomes:
        if sent.move is START:
            claims[sent.job.claim][sent.job.key] = sent
        else:
            writes.append(sent.write())
    for claim, started in claims.items():
        ids = {key: sent.job_id for key, sent in started.items()}
        fields = {**_STARTED, "reason": "", "job_id": map_by_id(ids), **_basis_of(started)}
        writes.append(UpdateMany(guard(START, list(ids), claim=claim), update(START, fields)))
    return writes


def _basis_of(started: Mapping[str, SendResult]) -> Row:
    """What was read for these sends; of the others the field stays as it is."""
    read = {key: basis_row(sent.basis) for key, sent in started.items() if sent.basis}
    if not read:
        return {}
    return {"basis": {"$cond": [{"$in": ["$_id", list(read)]}, map_by_id(read), "$basis"]}}


def known_id(job: Job) -> str:
    """The AppService id that is stored for this job now; empty where there is none."""
    with translate_errors():
        row = collection(documents.Job).find_one({"_id": job.key}, {"job_id": 1})
    return (row or {}).get("job_id") or ""
