"""Asks BV-BRC why jobs failed, once for each attempt, outside of any advance.

The workflow learns of a failure with its reason. Where BV-BRC cannot be asked, the failure waits
until its deadline, and then says that and why. Reading changes nothing there, so a process that
dies in between costs a repetition.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from workflows.bvbrc.job_records import JobRecords
from workflows.engine.advance import Advanced, advance
from workflows.engine.context import EngineContext
from workflows.model.errors import (
    Forbidden,
    MethodMissing,
    ServiceAway,
    ServiceError,
    Unauthorized,
    Unavailable,
)
from workflows.model.values import Job
from workflows.rules.endings import Evidence, judge, tell
from workflows.store.jobs import failures, polling
from workflows.store.jobs.failures import FailedJob, Findings, Kept
from workflows.store.jobs.polling import JobUpdate
from workflows.store.leases import leases
from workflows.store.mongo import PyMongoError, clock
from workflows.store.users import credentials

log = structlog.get_logger(__name__)

STDERR_BYTES: Final = 32 * 1024
STDOUT_BYTES: Final = 16 * 1024
NOTE_BYTES: Final = 16 * 1024
"""What is kept of one attempt: 64 kB in all."""
_TOGETHER: Final = 16
"""Jobs that are begun together."""
_AGAIN: Final = timedelta(seconds=5)
"""The time to the next try, where BV-BRC could not be asked."""


def collect_evidence(context: EngineContext) -> Advanced:
    """Ask why the due jobs failed, and advance their workflows. Users are asked for side by side:
    one whose calls hang delays no other user."""
    total = Advanced()

    def take(answers: Sequence[JobUpdate | None]) -> None:
        nonlocal total
        if updates := [update for update in answers if update]:
            polling.record(updates)
            total += advance(context, [update.workflow for update in updates])

    while True:
        calls = _due_questions(context)
        context.questions.run(calls, take)
        if sum(map(len, calls.values())) < _TOGETHER:
            return total


def _due_questions(context: EngineContext) -> dict[str, list[Callable[[], JobUpdate | None]]]:
    """By owner, what is due now; none of users whose calls hang."""
    again_in = context.limits.lease
    calls: dict[str, list[Callable[[], JobUpdate | None]]] = defaultdict(list)
    busy = context.questions.busy()
    for _ in range(_TOGETHER):
        failed = None if context.stopping.is_set() else failures.take(again_in, busy)
        if failed is None:
            break
        calls[failed.job.owner].append(partial(_explain, context, failed))
    return calls


def _explain(context: EngineContext, failed: FailedJob) -> JobUpdate | None:
    """The end of the job with its reason; None where it is to be asked again. A defect of ours ends
    the job without a reason, and does not keep those of others waiting."""
    lease = context.limits.lease
    try:
        with leases.kept(lease, lambda: failures.ask_again(failed.job, lease)):
            return _ask_why(context, failed)
    except (PyMongoError, Unavailable):
        raise
    except Exception as defect:
        context.broken(defect)
        log.exception("The reason of a failure broke the engine", workflow_id=failed.job.workflow)
        unread = f"the engine could not judge it: {type(defect).__name__}"
        sentence = tell("no reason to be had", job=failed.job.job_id, unread=unread)
        return failures.record_reason(failed.job, clock(), sentence, Findings())


def _ask_why(context: EngineContext, failed: FailedJob) -> JobUpdate | None:
    job = failed.job
    if job.kill:
        return failures.record_reason(job, clock(), tell("killed as asked"), Findings())
    evidence = _gather(context, failed)
    ending = judge(evidence)
    if evidence.unread and not ending.certain and not failed.last_time:
        failures.ask_again(job, min(_AGAIN, context.limits.polling_interval))
        return None
    log.info("A job failed", workflow_id=job.workflow, job_id=job.job_id, ending=ending.name)
    return failures.record_reason(job, clock(), ending.sentence, _findings(evidence))


def _findings(evidence: Evidence) -> Findings:
    unread = "; ".join(f"{part}: {why}" for part, why in evidence.unread.items())
    kept = Kept(evidence.stderr, evidence.stdout, evidence.note, unread)
    return Findings(evidence.exit_code, evidence.cluster_status, kept)


def _gather(context: EngineContext, failed: FailedJob) -> Evidence:
    """All that can be read of the job now."""
    job = failed.job
    begun = Evidence(job.job_id, job.app, failed.word, started=job.started_at is not None)
    credential = credentials.usable(context.vault, job.owner)
    if credential is None:
        return replace(begun, unread={"all": "there is no usable token of the owner"})
    try:
        return _read_all(context, begun, job, credential.token)
    except Unauthorized as refusal:
        credentials.mark_refused(context.vault, credential, refusal)
        return replace(begun, unread={"all": "BV-BRC refused the owner's token"})


def _read_all(context: EngineContext, begun: Evidence, job: Job, token: str) -> Evidence:
    """Raises ``Unauthorized``. After the deadline the rest is not asked for."""
    evidence, unread = begun, dict[str, str]()
    until = time.monotonic() + context.limits.evidence_deadline.total_seconds()
    for part, read in _parts(context.records, job, token):
        try:
            if time.monotonic() > until:
                raise ServiceAway("BV-BRC answers too slowly")
            with _guard_call(context, job.owner, part):
                evidence = replace(evidence, **read())
        except (MethodMissing, Forbidden):
            continue
        except Unauthorized:
            raise
        except ServiceError as away:
            unread[part] = str(away)
    return replace(evidence, unread=unread)


@contextmanager
def _guard_call(context: EngineContext, owner: str, part: str) -> Iterator[None]:
    """Around one call; those of AppService go through its breakers."""
    if part == _RESULT:
        yield
        return
    if not context.appservice.breakers.admit([owner]):
        raise ServiceAway("AppService is away")
    with context.appservice.breakers.call(owner):
        yield


_RESULT: Final = "result"


def _parts(
    records: JobRecords, job: Job, token: str
) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    """What to read, with the fields of the evidence that it gives; the most telling first."""

    def account() -> dict[str, Any]:
        found = records.account(token, job.key, job.job_id)
        fields = {"cluster_status": found.cluster_status, "memory": found.memory}
        word = {"word": found.word} if found.word else {}
        return fields | word | {"runtime": found.runtime}

    def end_of(name: Any, limit_bytes: int) -> dict[str, Any]:
        return {name: records.end_of(token, job.job_id, name, limit_bytes=limit_bytes)}

    return [
        ("cluster's account", account),
        ("exit code", lambda: {"exit_code": records.exit_code(token, job.job_id)}),
        ("stderr", lambda: end_of("stderr", STDERR_BYTES)),
        ("stdout", lambda: end_of("stdout", STDOUT_BYTES)),
        (_RESULT, lambda: {"note": records.note(token, job.params, limit_bytes=NOTE_BYTES)}),
    ]
