"""The run: users at work, faults striking and ending; then quiet, and the audit."""

from __future__ import annotations

import heapq
import itertools
import random
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import structlog
from pymongo import MongoClient

from benchmarks.chaos.audit import Facts, Verdict, audit
from benchmarks.chaos.faults import Fault, Stage, Undo
from benchmarks.chaos.workload import Users
from devstack.stack import Stack, Wanted, stack

Json = Any
log = structlog.get_logger(__name__)

CAP = 2
LEASE_SECONDS, GRACE_SECONDS = 3, 8
SETTINGS: Mapping[str, object] = {
    "mongodb.database": "chaos",
    "executor.polling_interval_seconds": 0.5,
    "executor.max_parallel_steps_per_workflow": CAP,
    "executor.lease_seconds": LEASE_SECONDS,
    "executor.in_doubt_grace_seconds": GRACE_SECONDS,
    "executor.lost_job_deadline_seconds": 600,
    "scheduler.timeout": 3,
    "scheduler.submit_timeout": 4,
    "logging.level": "INFO",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard."""

    seed: int
    faults: int
    """So many faults strike."""
    every_seconds: float = 0.4
    """The mean time between two of them."""
    going: int = 20
    """So many workflows are under way at any time."""
    workers: int = 3
    beats: int = 2
    apis: int = 2
    skews: tuple[str, ...] = ()
    quiet_seconds: float = 180
    """How long everything may take to end after the last fault."""
    logs: Path | None = None
    """Where the processes' logs are kept; None: they are thrown away."""


@dataclass
class Report:
    """What was done to the product, and how it took it."""

    seed: int
    seconds: float
    faults: dict[str, int]
    hits: dict[str, int]
    """Calls of AppService that its faults really disturbed."""
    recovery_seconds: dict[str, dict[str, float]]
    """For each kind: from its end to the next recorded change of any workflow, median and worst."""
    verdict: Verdict
    cancel_to_kill_seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "faults_total": sum(self.faults.values()),
            "faults": dict(sorted(self.faults.items())),
            "disturbed_calls": dict(sorted(self.hits.items())),
            "recovery_seconds": self.recovery_seconds,
            "cancel_to_kill_seconds": self.cancel_to_kill_seconds,
            "verdict": self.verdict.as_json(),
        }


def run(plan: Plan, faults: Sequence[Fault]) -> Report:
    """Start the product, torment it, let it settle, and judge."""
    wanted = Wanted(
        workers=plan.workers,
        beats=plan.beats,
        apis=plan.apis,
        concurrency=8,
        skews=plan.skews,
        settings=SETTINGS,
        mongod_options=("--setParameter", "enableTestCommands=1"),
    )
    with stack(wanted) as running:
        try:
            return _torment(running, plan, faults)
        finally:
            if plan.logs:
                _keep_logs(running, plan.logs)


def _keep_logs(running: Stack, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log_file in running.folder.glob("*.log"):
        shutil.copy(log_file, folder)


def _torment(running: Stack, plan: Plan, faults: Sequence[Fault]) -> Report:
    rng = random.Random(plan.seed)
    running.simulator.app(queue_seconds=0.1, run_seconds=0.6, lag_seconds=0.1)
    running.simulator.app(
        output_file="*_fails", outcome="failed", queue_seconds=0.1, run_seconds=0.3
    )
    users = Users(running.api_urls, running.simulator.token, random.Random(plan.seed + 1))
    stage = Stage(running, users, rng, LEASE_SECONDS, GRACE_SECONDS)
    begun = time.monotonic()
    with _at_work(users, plan):
        struck, ended = _strike(stage, plan, faults)
    _settle(stage, plan)
    facts = _facts(running, users)
    return Report(
        plan.seed,
        time.monotonic() - begun,
        dict(struck),
        dict(stage.hits),
        _recovery(ended, facts),
        audit(facts),
        _cancel_to_kill(facts),
    )


@contextmanager
def _at_work(users: Users, plan: Plan) -> Iterator[None]:
    """The users act in a thread of their own: an API that is away does not hold the faults up."""
    over = Event()

    def act() -> None:
        while not over.wait(0.02):
            _use(users, plan)

    thread = Thread(target=act, name="users", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(150)


def _strike(
    stage: Stage, plan: Plan, faults: Sequence[Fault]
) -> tuple[Counter[str], list[tuple[str, float]]]:
    """Let faults strike until there were enough; what struck, and when each was over."""
    rng, struck, over = stage.rng, Counter[str](), list[tuple[str, float]]()
    pending: list[tuple[float, int, str, Undo]] = []
    number = itertools.count()
    weights = [fault.weight for fault in faults]
    next_strike = time.monotonic() + 3
    while struck.total() < plan.faults or pending:
        now = time.monotonic()
        while pending and pending[0][0] <= now:
            _, _, kind, undo = heapq.heappop(pending)
            _undo(undo)
            over.append((kind, time.time()))
        if now >= next_strike and struck.total() < plan.faults:
            fault = rng.choices(faults, weights)[0]
            busy = {kind for _, _, kind, _ in pending}
            if not _clash(fault.kind, busy):
                seconds, undo = fault.strike(stage)
                struck[fault.kind] += 1
                heapq.heappush(pending, (now + seconds, next(number), fault.kind, undo))
                _progress(struck.total(), plan, stage)
            next_strike = max(next_strike, now - 5) + rng.expovariate(1 / plan.every_seconds)
        if now < next_strike:
            time.sleep(0.02)
    return struck, over


def _progress(struck: int, plan: Plan, stage: Stage) -> None:
    if struck % 50 == 0:
        promises = stage.users.promises
        ended = sum(bool(promise.ended) for promise in promises)
        print(
            f"{struck}/{plan.faults} faults; {ended} of {len(promises)} workflows ended",
            file=sys.stderr,
            flush=True,
        )


def _clash(kind: str, busy: set[str]) -> bool:
    """One server is away at a time, once; processes and answers may fail together."""
    server = kind.partition("-")[0]
    return server in ("redis", "mongod") and any(each.startswith(server) for each in busy)


def _use(users: Users, plan: Plan) -> None:
    """One thing that a user does now; a user whose request fails comes back later."""
    with suppress(TimeoutError):
        for promise in users.promises:
            if promise.cancel_at is not None and promise.cancel_at <= time.time():
                users.cancel(promise, seconds=1)
                return
        if sum(not promise.ended for promise in users.promises) < plan.going:
            users.submit(seconds=15)
        elif users.promises:
            users.settle()


def _undo(undo: Undo) -> None:
    """A repair that fails because of another fault is tried until it works."""
    deadline = time.monotonic() + 60
    while True:
        try:
            undo()
        except Exception:
            log.exception("A repair failed")
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _settle(stage: Stage, plan: Plan) -> None:
    """No more faults: everything that was promised must come true in time."""
    stage.stack.simulator.clear_faults()
    for process in stage.stack.processes:
        if not process.alive:
            process.start()
    for promise in stage.users.promises:
        if promise.cancel_at is not None:
            stage.users.cancel(promise)
    for user in stage.users.names:
        stage.users.renew(user)
    deadline = time.monotonic() + plan.quiet_seconds
    while time.monotonic() < deadline:
        if not stage.users.settle() and not _open_jobs(stage.stack):
            return
        time.sleep(0.3)


def _open_jobs(running: Stack) -> int:
    with MongoClient(running.mongod.uri) as client:
        return int(client["chaos"]["jobs"].count_documents({"open": True}))


def _facts(running: Stack, users: Users) -> Facts:
    with MongoClient(running.mongod.uri, tz_aware=True) as client:
        events = defaultdict(list)
        for event in client["chaos"]["events"].find().sort([("workflow", 1), ("sequence", 1)]):
            events[event["workflow"]].append(event)
        stored = {job["_id"]: job for job in client["chaos"]["jobs"].find()}
    return Facts(
        promises=users.promises,
        bvbrc_jobs=running.simulator.jobs(),
        starts=running.simulator.calls("AppService.start_app2"),
        stored_jobs=stored,
        events=events,
        peaks=running.simulator.summary()["peak_in_flight_by_workflow"],
        cap=CAP,
    )


def _recovery(over: Sequence[tuple[str, float]], facts: Facts) -> dict[str, dict[str, float]]:
    times = sorted(
        event["_id"].generation_time.timestamp() for each in facts.events.values() for event in each
    )
    waits = defaultdict(list)
    for kind, at in over:
        after = [moment for moment in times if moment >= int(at)]
        if after:
            waits[kind].append(max(0.0, after[0] - at))
    return {kind: _spread(found) for kind, found in sorted(waits.items())}


def _cancel_to_kill(facts: Facts) -> dict[str, float]:
    """From the answer to a cancel to the death of each job of the workflow at BV-BRC."""
    answered = {each.workflow: each.cancelled_at for each in facts.promises if each.cancelled_at}
    waits = [
        max(0.0, job["killed_at"] - at)
        for job in facts.bvbrc_jobs
        if (at := answered.get(job["user_metadata"].partition("/")[0])) and job.get("killed_at")
    ]
    return _spread(waits) if waits else {}


def _spread(found: Sequence[float]) -> dict[str, float]:
    return {
        "count": len(found),
        "median": round(median(found), 2),
        "worst": round(max(found), 2),
    }
