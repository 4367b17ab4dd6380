"""Empties the outbox: sends each job to AppService once, and stores the result.

One drain a process runs at a time. It claims as many jobs as it has free threads, records answers
in batches as they arrive, and goes on until the outbox is empty. A slow call occupies one thread.

Theory of operation. A claim makes a job *sending*, with a token that only this drain knows, before
AppService hears of it; every answer is stored under that token. Only after the claim does the drain
ask whether the job's workflow has ended: a cancel that was stored before is seen, and a later one
requests a kill of a job that is *sending*. The answer makes the job *active*, *rejected*,
*intended* again (AppService provably does not have it) or leaves it *sending* and in doubt. A crash
between the claim and the stored answer leaves it *sending*: when its ``due`` has come,
``engine.lookup`` finds the job at AppService by its key, or believes it absent after the grace and
puts it back. If the answer comes after that, its claim is no longer valid: ``record_answers``
adopts it where the attempt has no job, and kills it where it has another one. So an attempt never
keeps two jobs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import chain
from queue import Empty, SimpleQueue
from threading import Lock

import structlog

from workflows.backends.breakers import PROBE_SECONDS
from workflows.engine.advance import advance
from workflows.engine.context import EngineContext, learn
from workflows.engine.holds import check_claimed
from workflows.engine.jobs.handover import Handover, send
from workflows.engine.jobs.kill import kill_surplus
from workflows.model.errors import Unavailable
from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.rules.holds import describe
from workflows.store.jobs import lookups, outbox, send_results
from workflows.store.jobs import rows as job_rows
from workflows.store.jobs.outbox import Bounds, Claimed, Troubled
from workflows.store.jobs.send_results import SendResult
from workflows.store.users import credentials

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 0.003
"""Answers come in bursts; a burst is over after this time without an answer."""
_GATHER_SECONDS = 0.1
"""How long an answer waits at most for the rest of its burst, to be stored together."""
_IDLE_SECONDS = 0.5
"""How long the drain waits for answers before it looks for new work on its own."""
_LEARN_SECONDS = 0.1
"""How long what answers show of AppService waits at most while further calls are under way."""
_YIELD_SECONDS = 0.01
"""How long the drain leaves a place to queries before it looks whether they are done."""
_BARRED = "the last calls for this user failed; one is tried every few seconds"
_BARRED_FOR = timedelta(seconds=PROBE_SECONDS)
_HELD_FOR = timedelta(seconds=1)
"""The next claim leaves a held job in the outbox; this bounds how often it comes back if not."""


class Drain:
    """The sender of this process: its threads and the queue of their results."""

    def __init__(self, threads: int) -> None:
        self._running = Lock()
        self._threads = threads
        self._results: SimpleQueue[SendResult | None] = SimpleQueue()
        self._under_way = 0
        self._pool: ThreadPoolExecutor | None = None
        self._answered: list[SendResult] = []
        """Answers that are not stored yet; they outlive an outage of MongoDB."""
        self._yields = False
        """Whether queries go first just now."""
        self._woken = False
        """Whether there may be jobs that the last claim has not seen."""
        self._claim_after = 0.0
        """On the monotonic clock: until then the outbox counts as empty if nobody wakes us."""
        self._to_learn: list[SendResult] = []
        """Answers from which the limit of calls has not learnt yet."""
        self._learn_after = 0.0
        self._told: dict[str, float] = {}
        """Workflows with unprocessed changes, and since when on the monotonic clock."""

    def nudge(self) -> bool:
        """Wakes the drain; false if it is not running here, so that a message must start one."""
        if self._running.locked():
            self._results.put(None)
        return self._running.locked()  # the thread that still holds the lock will see the item

    def run(self, context: EngineContext) -> None:
        """Send what can be sent; if another thread is sending, wake it and return at once."""
        self._results.put(None)
        while not self._results.empty() and self._running.acquire(blocking=False):
            try:
                self._drain(context)
            finally:
                self._running.release()

    def _drain(self, context: EngineContext) -> None:
        """Runs until the outbox is empty. It waits out an outage of MongoDB while it has answers to
        store: a job whose answer is lost has to be looked up, and waits for the grace.
        """
        idle = False
        while not idle:
            self._answered += self._answers(self._patience(context))
            try:
                idle = self._turn(context)
            except Unavailable as away:
                if not (self._answered or self._under_way) or context.stopping.wait(_IDLE_SECONDS):
                    raise
                log.warning("Answers wait for MongoDB", jobs=len(self._answered), error=str(away))

    def _turn(self, context: EngineContext) -> bool:
        """Store the answers and send what may be sent; true if there is nothing to wait for."""
        answered = self._answered
        if answered:
            record_answers(context, answered)
            self._note(answered)
            self._to_learn += answered
            self._answered = []
            self._woken |= any(sent.after is not JobState.ACTIVE for sent in answered)
        fresh = self._claim(context) if self._may_find_jobs() else 0
        self._learn(context)  # only now: until the next job is sent, a worker of AppService idles
        told = self._tell(context)
        busy = self._under_way or self._answered or self._told or self._yields
        return not (busy or answered or fresh or told)

    def _may_find_jobs(self) -> bool:
        return self._woken or self._yields or time.monotonic() >= self._claim_after

    def _note(self, answered: Sequence[SendResult]) -> None:
        now = time.monotonic()
        for sent in answered:
            if sent.unprocessed:
                self._told.setdefault(sent.job.workflow, now)

    def _learn(self, context: EngineContext) -> None:
        """Store what the answers show, those of a few bursts together."""
        if self._to_learn and not (self._under_way and time.monotonic() < self._learn_after):
            learn(context, _youngest(self._to_learn))
            self._to_learn, self._learn_after = [], time.monotonic() + _LEARN_SECONDS

    def _patience(self, context: EngineContext) -> float:
        """Seconds to wait for the next answer."""
        if self._answered:
            return 0.0
        if self._yields:
            return _YIELD_SECONDS
        idle = _IDLE_SECONDS if self._under_way else 0.0
        soon = self._until_tell(context) if self._told else idle
        return min(idle, soon) if self._under_way else soon

    def _until_tell(self, context: EngineContext) -> float:
        """Seconds until workflows must process sent jobs; 0 if there are none."""
        if not self._told or context.stopping.is_set():
            return 0.0
        until = min(self._told.values()) + context.limits.announced_after.total_seconds()
        return max(0.0, until - time.monotonic())

    def _tell(self, context: EngineContext) -> bool:
        """Advance workflows with sent jobs, unless a poll has advanced them since; returns whether
        it was time for that."""
        if not self._told or self._until_tell(context):
            return False
        advance(context, job_rows.with_unprocessed_changes(self._told))
        self._told = {}
        return True

    def _claim(self, context: EngineContext) -> int:
        """Take jobs and send them; how many were taken. None while we end, and none of backends
        that cannot take any. What is taken and then not wanted, or
        not sent, is never left to be looked up.
        """
        self._yields, self._woken, self._claim_after = False, False, 0.0
        free = self._threads - self._under_way
        if free <= 0 or context.stopping.is_set():
            return 0
        send_by = time.monotonic() + context.limits.send_window.total_seconds()
        taken = _claim_jobs(context, free)
        claimed, self._yields = taken.jobs, taken.queries_first
        if taken.empties:
            self._claim_after = time.monotonic() + context.limits.emptied_for.total_seconds()
        try:  # in that order nothing slips past a cancel or a hold
            checked = check_claimed(claimed)
            owners = sorted({job.owner for job in claimed})
            tokens = credentials.usable_of(context.vault, owners) if owners else {}
        except Unavailable as away:
            self._answered += [send_results.unsent(job, str(away), timedelta(0)) for job in claimed]
            raise
        for job, check in zip(claimed, checked, strict=True):
            if job.kill or check.ended:
                self._answered.append(send_results.withdrawn(job))
            elif check.hold:
                self._answered.append(send_results.withheld(job, describe(check.hold), _HELD_FOR))
            elif not context.backends[job.backend].admit([job.owner]):
                self._answered.append(send_results.unsent(job, _BARRED, _BARRED_FOR))
            else:
                token = tokens.get(job.owner)
                self._send(context, Handover(job, token, send_by, check.permission))
        return len(claimed)

    def _send(self, context: EngineContext, handover: Handover) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="send")
        self._under_way += 1
        future = self._pool.submit(send, context, handover)
        future.add_done_callback(
            lambda done: self._results.put(_outcome(context, handover.job, done))
        )

    def _answers(self, patience: float) -> list[SendResult]:
        """A burst of answers; waits for its first one."""
        found: list[SendResult] = []
        try:
            sent = self._results.get(timeout=patience)
            until = time.monotonic() + _GATHER_SECONDS
            while True:
                if sent is None:
                    self._woken = True
                else:
                    self._under_way -= 1
                    found.append(sent)
                left = min(until - time.monotonic(), _PAUSE_SECONDS) if self._under_way else 0.0
                sent = self._results.get(timeout=max(0.0, left))
        except Empty:
            return found


def _claim_jobs(context: EngineContext, free: int) -> Claimed:
    """Claim jobs of backends that take jobs. Where a backend bars users, the places left go to jobs
    of the backends that bar no user: these run without calls of the first.
    """
    limits = context.limits
    bounds = Bounds(
        user_jobs=limits.user_jobs,
        user_sending=limits.user_submissions,
        lookup_after=limits.lease,
        absent_after=limits.grace,
        sending=limits.submissions,
        adaptive=context.appservice.observations is not None,
    )
    all_status = {name: backend.status() for name, backend in context.backends.items()}
    open_names = [
        name
        for name, status in all_status.items()
        if status.reachable and context.backends[name].takes_submissions()
    ]
    if not open_names:
        return Claimed()
    named = open_names if len(open_names) < len(all_status) else ()
    open_status = [all_status[name] for name in open_names]
    troubled = Troubled(
        barred=frozenset(chain.from_iterable(status.barred for status in open_status)),
        failing=frozenset(chain.from_iterable(status.failing for status in open_status)),
        refused=frozenset(chain.from_iterable(status.refused for status in open_status)),
    )
    most = 1 if any(status.probing for status in open_status) else free
    claimed = outbox.claim(most, bounds, named, troubled)
    unbarred = [name for name in open_names if not all_status[name].barred]
    if troubled.barred and unbarred and len(claimed.jobs) < free:
        more = outbox.claim(free - len(claimed.jobs), bounds, unbarred)
        return Claimed([*claimed.jobs, *more.jobs], claimed.queries_first or more.queries_first)
    return claimed


def _youngest(answered: Sequence[SendResult]) -> datetime | None:
    """When the youngest of the jobs was sent that AppService has started."""
    began = [sent.job.sent_at for sent in answered if sent.job_id and sent.job.sent_at]
    return max(began, default=None)


def _outcome(context: EngineContext, job: Job, done: Future[SendResult]) -> SendResult:
    """The result of a send; a defect of ours leaves the job in doubt, so that it is looked up."""
    failure = done.exception()
    if failure is None:
        return done.result()
    context.broken(failure)
    log.error("A submission broke", workflow_id=job.workflow, exc_info=failure)
    return send_results.doubtful(job, type(failure).__name__, timedelta(seconds=1), None)


def record_answers(context: EngineContext, answered: Sequence[SendResult]) -> None:
    """Store the answers. A job that was started under a claim that is no longer valid is adopted,
    or killed where its attempt has another one."""
    for stale in send_results.record(answered):
        _undo(context, stale)
    for sent in answered:
        _report(sent)
    if owners := {sent.job.owner for sent in answered if sent.after is JobState.ACTIVE}:
        context.started(owners)


def _report(sent: SendResult) -> None:
    """Logs a started job."""
    write = log.debug if sent.after is JobState.ACTIVE else log.info
    write(
        "Submission",
        workflow_id=sent.job.workflow,
        step=sent.job.step,
        attempt=sent.job.attempt,
        app=sent.job.app,
        after="in doubt" if sent.after is JobState.SENDING else str(sent.after),
        job_id=sent.job_id,
        reason=sent.reason,
        request_id=sent.job.request_id,
    )


def _undo(context: EngineContext, stale: SendResult) -> None:
    """Kills our job if its claim had been given up and a second job exists."""
    ours = stale.job_id
    known = send_results.known_id(stale.job)
    if known == ours or (not known and lookups.adopt(stale.job, ours)):
        return
    log.error("A second job of one attempt is killed", workflow_id=stale.job.workflow, job_id=ours)
    kill_surplus(context, stale.job, [ours])
