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
from circuitbreaker import STATE_CLOSED

from workflows.engine.advance import advance
from workflows.engine.handover import Handover, send
from workflows.engine.parts import Parts
from workflows.states import JobState
from workflows.store import credentials, outbox, services, workflows
from workflows.store.outbox import Bounds, Sent
from workflows.workflow import Job

log = structlog.get_logger(__name__)

_TOGETHER_SECONDS = 1.0
"""Under load, how long news of submissions wait for others, to be taken in together."""
_IDLE_SECONDS = 0.5
"""How long the drain waits for answers before it looks for new work on its own."""
_GATE_SECONDS = 1.0
"""How long it is believed that AppService takes submissions, or does not."""


class Drain:
    """The one sender of this process: its threads, and the news they bring."""

    def __init__(self, threads: int) -> None:
        self._running = Lock()
        self._threads = threads
        self._news: SimpleQueue[Sent | None] = SimpleQueue()
        self._under_way = 0
        self._pool: ThreadPoolExecutor | None = None
        self._takes, self._asked = True, 0.0
        """Whether AppService takes submissions, and when that was asked."""
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
            fresh = self._claim(parts)
            for handover in fresh:
                self._send(parts, handover)
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

    def _claim(self, parts: Parts) -> list[Handover]:
        """Jobs that may be sent now; none while we end, or while AppService cannot take any."""
        free = self._threads - self._under_way
        if free <= 0 or parts.stopping.is_set() or not self._open(parts):
            return []
        send_by = time.monotonic() + parts.limits.send_window.total_seconds()
        jobs = _claimed(parts, free)
        tokens = credentials.usable_of(parts.vault, sorted({job.owner for job in jobs}))
        return [Handover(job, tokens.get(job.owner), send_by) for job in jobs]

    def _open(self, parts: Parts) -> bool:
        """Whether it makes sense to claim: there is work, and AppService takes submissions."""
        if parts.breaker.opened or not outbox.waiting():
            return False
        if time.monotonic() - self._asked > _GATE_SECONDS:
            self._takes = services.health("appservice").state != services.DISABLED
            self._asked = time.monotonic()
        return self._takes

    def _send(self, parts: Parts, handover: Handover) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="send")
        self._under_way += 1
        future = self._pool.submit(send, parts, handover)
        future.add_done_callback(lambda done: self._news.put(_outcome(parts, handover.job, done)))

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


def _claimed(parts: Parts, free: int) -> list[Job]:
    """Claims, then sees whose workflow has ended: in that order nothing slips past a cancel."""
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
    """A job that was started shows as a change of its step's state as well."""
    write = log.debug if sent.fields.get("state") == JobState.ACTIVE else log.info
    write(
        "Submission",
        workflow_id=sent.job.workflow,
        step=sent.job.step,
        attempt=sent.job.attempt,
        app=sent.job.app,
        after=sent.fields.get("state", "in doubt"),
        job_id=sent.fields.get("job_id", ""),
        reason=sent.fields.get("reason", ""),
        request_id=sent.job.request_id,
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
