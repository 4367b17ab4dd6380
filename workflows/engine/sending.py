"""The outbox is emptied here: each job is handed to AppService once, and what became of it stored.

One drain a process runs at a time. It claims as many jobs as it has free threads, records answers
in batches as they come, and goes on until nothing is left to send. A slow call holds one thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Lock

import structlog
from circuitbreaker import STATE_CLOSED, CircuitBreakerError

from workflows.engine.advance import advance
from workflows.engine.parts import Parts
from workflows.errors import InDoubt, NotSent, Rejected, ServiceAway, Unauthorized
from workflows.plan import backoff
from workflows.store import credentials, outbox, services, workflows
from workflows.store.credentials import Credential
from workflows.store.outbox import Bounds, Sent
from workflows.workflow import Job

log = structlog.get_logger(__name__)

_AWAY = timedelta(seconds=5)
"""How long a job rests after AppService could not be reached, before doubling."""
_TOGETHER_SECONDS = 0.25
"""Under load, how long news of submissions wait for others, to be taken in together."""
_IDLE_SECONDS = 0.5
"""How long the drain waits for answers before it looks for new work on its own."""


class Drain:
    """The one sender of this process: its threads, and the news they bring."""

    def __init__(self, threads: int) -> None:
        self._running = Lock()
        self._threads = threads
        self._news: SimpleQueue[Sent | None] = SimpleQueue()
        self._under_way = 0
        self._pool: ThreadPoolExecutor | None = None
        self._told: dict[str, float] = {}
        """Workflows that have something to take in, and since when on the monotonic clock."""

    def nudge(self) -> bool:
        """There is something to send; false where nobody here is sending, so somebody must."""
        if self._running.locked():
            self._news.put(None)
        return self._running.locked()  # whoever still holds it now will see what was put

    def run(self, parts: Parts) -> None:
        """Send what can be sent; returns at once where another thread is at it (it is told)."""
        self._news.put(None)
        while not self._news.empty() and self._running.acquire(blocking=False):
            try:
                self._drain(parts)
            finally:
                self._running.release()

    def _drain(self, parts: Parts) -> None:
        while True:
            answered = self._answers()
            if answered:
                _record(parts, answered)
                self._note(answered)
            begun = time.monotonic()
            fresh = self._claim(parts)
            for job in fresh:
                self._send(parts, job, begun)
            self._tell(parts, at_once=not fresh)
            if not (answered or fresh or self._under_way):
                return

    def _note(self, answered: Sequence[Sent]) -> None:
        now = time.monotonic()
        for sent in answered:
            if "news" in sent.fields:
                self._told.setdefault(sent.job.workflow, now)

    def _tell(self, parts: Parts, *, at_once: bool) -> None:
        """Let workflows take in what was sent: at once while there is time, else many together."""
        oldest = min(self._told.values(), default=None)
        if oldest is not None and (at_once or time.monotonic() - oldest > _TOGETHER_SECONDS):
            told, self._told = self._told, {}
            advance(parts, told)

    def _claim(self, parts: Parts) -> list[Job]:
        return [] if parts.stopping.is_set() else _claim(parts, self._threads - self._under_way)

    def _send(self, parts: Parts, job: Job, claimed_at: float) -> None:
        """``claimed_at`` is not later than the claim, on the monotonic clock."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="send")
        self._under_way += 1
        future = self._pool.submit(send, parts, job, claimed_at)
        future.add_done_callback(lambda done: self._news.put(_outcome(parts, job, done)))

    def _answers(self) -> list[Sent]:
        """All answers that are there; waits a little for the first one if any is to come."""
        found: list[Sent] = []
        try:
            sent = self._news.get(timeout=_IDLE_SECONDS if self._under_way else 0)
            while True:
                if sent is not None:
                    self._under_way -= 1
                    found.append(sent)
                sent = self._news.get_nowait()
        except Empty:
            return found


def _claim(parts: Parts, free: int) -> list[Job]:
    """Jobs that may be sent now; none while AppService cannot take any."""
    if free <= 0 or not _open(parts):
        return []
    limits = parts.limits
    bounds = Bounds(
        user_jobs=limits.user_jobs,
        user_sending=limits.user_submissions,
        lookup_after=limits.lease,
        absent_after=limits.grace,
    )
    probing = parts.breaker.state != STATE_CLOSED
    claimed = outbox.claim(1 if probing else free, bounds)
    gone = workflows.ended({job.workflow for job in claimed}) if claimed else set()
    late = [outbox.withdrawn(job) for job in claimed if job.workflow in gone]
    if late:
        _record(parts, late)
        advance(parts, gone)
    return [job for job in claimed if job.workflow not in gone]


def _open(parts: Parts) -> bool:
    """Whether it makes sense to claim: there is work, and AppService takes submissions."""
    return (
        not parts.breaker.opened
        and outbox.waiting()
        and services.health("appservice").state != services.DISABLED
    )


def send(parts: Parts, job: Job, claimed_at: float) -> Sent:
    """Hand one job over; every failure becomes the outcome that is safe."""
    credential = credentials.usable(parts.vault, job.owner)
    if credential is None:
        return outbox.unsent(job, "the token has expired", timedelta(0))
    try:
        with parts.breaker:
            job_id = _start(parts, job, credential, claimed_at)
    except Unauthorized as refused:
        credentials.refused(parts.vault, credential)
        return outbox.unsent(job, str(refused), timedelta(0))
    except Rejected as rejected:
        return _refusal(parts, job, rejected)
    except InDoubt as lost:
        return _doubt(parts, job, lost)
    except (NotSent, ServiceAway, CircuitBreakerError) as away:
        return _away(job, away)
    return outbox.started(job, job_id)


def _start(parts: Parts, job: Job, credential: Credential, claimed_at: float) -> str:
    """Raises ``NotSent`` where this process was held up since it claimed the job: its claim may
    be about to be doubted, so nothing leaves under it any more."""
    return parts.appservice.start(
        credential.token,
        job.app,
        job.params,
        key=job.key,
        base_url=job.base_url,
        send_by=claimed_at + parts.limits.send_window.total_seconds(),
    )


def _refusal(parts: Parts, job: Job, rejected: Rejected) -> Sent:
    if rejected.maybe_transient and job.tries + 1 < parts.limits.unexplained_tries:
        return outbox.unsent(job, str(rejected), backoff(_AWAY, job.tries + 1))
    return outbox.rejected(job, str(rejected))


def _doubt(parts: Parts, job: Job, lost: InDoubt) -> Sent:
    limits = parts.limits
    believe_in = min(limits.answered_grace, limits.grace) if lost.answered else None
    look_in = min(timedelta(seconds=1), limits.lease)
    return outbox.doubtful(job, str(lost), look_in, believe_in)


def _away(job: Job, away: Exception) -> Sent:
    disabled = isinstance(away, ServiceAway) and away.disabled
    services.report("appservice", services.DISABLED if disabled else services.AWAY, str(away))
    return outbox.unsent(job, str(away), backoff(_AWAY, min(job.tries + 1, 5)))


def _outcome(parts: Parts, job: Job, done: Future[Sent]) -> Sent:
    """A defect of ours in a sending thread leaves the job in doubt: it will be looked up."""
    failure = done.exception()
    if failure is None:
        return done.result()
    parts.broken(failure)
    log.error("A submission broke", workflow_id=job.workflow, error=type(failure).__name__)
    return outbox.doubtful(job, type(failure).__name__, timedelta(seconds=1), None)


def _record(parts: Parts, answered: Sequence[Sent]) -> None:
    """Store the answers, and undo what nobody waits for any more."""
    for stale in outbox.record(answered):
        _undo(parts, stale)
    for sent in answered:
        _report(sent)


def _report(sent: Sent) -> None:
    log.info(
        "Submission",
        workflow_id=sent.job.workflow,
        step=sent.job.step,
        attempt=sent.job.attempt,
        app=sent.job.app,
        after=sent.fields.get("state", "in doubt"),
        job_id=sent.fields.get("job_id", ""),
        reason=sent.fields.get("reason", ""),
    )


def _undo(parts: Parts, stale: Sent) -> None:
    """Our claim had been given up when the answer came. If a second job exists, ours must go."""
    ours = stale.fields.get("job_id", "")
    known = outbox.known_id(stale.job)
    if not ours or known == ours:
        return
    if not known and outbox.adopt(stale.job, ours):
        return
    log.error("A second job of one attempt is killed", workflow_id=stale.job.workflow, job_id=ours)
    credential = credentials.usable(parts.vault, stale.job.owner)
    if credential:
        parts.appservice.kill(credential.token, [ours])
