"""The run: users at work, faults striking and ending; then quiet, and the audit."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks.chaos.audit import Facts, audit
from benchmarks.chaos.batches import row_promises
from benchmarks.chaos.failover import Failover, failover_stack
from benchmarks.chaos.faults import Fault, Stage
from benchmarks.chaos.listener import Listener, listening
from benchmarks.chaos.partition import proxies
from benchmarks.chaos.report import Report, aftermath, cancel_to_kill, recovery, silences
from benchmarks.chaos.reuse import Contents, put_files
from benchmarks.chaos.schedule import Schedule
from benchmarks.chaos.users import Users
from benchmarks.chaos.without import NOTHING
from benchmarks.chaos.workload import courses
from devstack.failover.tcp_proxy import TcpProxy
from devstack.stack import Stack, Wanted, stack

Json = Any

DATABASE = "chaos"
CAP, USER_CAP = 2, 6
LEASE_SECONDS, GRACE_SECONDS = 3, 8
SETTINGS: Mapping[str, object] = {
    "mongodb.database": DATABASE,
    "executor.polling_interval_seconds": 0.5,
    "executor.max_parallel_steps_per_workflow": CAP,
    "executor.max_jobs_per_user": USER_CAP,
    "executor.lease_seconds": LEASE_SECONDS,
    "executor.in_doubt_grace_seconds": GRACE_SECONDS,
    "executor.lost_job_deadline_seconds": 30,
    "scheduler.timeout": 3,
    "scheduler.submit_timeout": 4,
    "logging.level": "INFO",
    "reuse.min_age_seconds": 0,
    "webhooks.allow": '["127.0.0.1/32"]',
    "webhooks.timeout_seconds": 10,
    "webhooks.retry_seconds": "[0.5, 0.5, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]",
}
COMPLAINTS = {
    "A workflow cannot be advanced",
    "A submission broke",
    "A document cannot be read",
}
_EVENT = re.compile(r'"event": ?"([^"]*)"')


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
    most_steps: int = 8
    workers: int = 3
    beats: int = 2
    apis: int = 2
    skews: tuple[str, ...] = ()
    quiet_seconds: float = 360
    """How long everything may take to end after the last fault."""
    logs: Path | None = None
    """Where the processes' logs are kept; None: they are thrown away."""
    failover: bool = False
    """On a replica set and Sentinels (``failover.py``)."""
    without: str = ""
    """A safeguard that is taken away (``without.py``)."""
    reuse: bool = False
    """Steps take the results of earlier jobs, while users change files (``reuse.py``)."""


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
        launcher=("benchmarks.chaos.without", plan.without or NOTHING),
    )
    with (
        _started(wanted, plan) as (running, servers),
        proxies(running, mongodb=servers is None) as cut,
        listening(plan.seed) as listener,
    ):
        try:
            return _torment(running, plan, faults, servers, cut=cut, listener=listener)
        finally:
            if plan.logs:
                _keep_logs(running, plan.logs)


@contextmanager
def _started(wanted: Wanted, plan: Plan) -> Iterator[tuple[Stack, Failover | None]]:
    if plan.failover:
        with failover_stack(wanted) as found:
            yield found
    else:
        with stack(wanted) as running:
            yield running, None


def _keep_logs(running: Stack, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log_file in running.folder.glob("*.log"):
        shutil.copy(log_file, folder)


def _torment(
    running: Stack,
    plan: Plan,
    faults: Sequence[Fault],
    servers: Failover | None,
    *,
    cut: Mapping[str, TcpProxy],
    listener: Listener,
) -> Report:
    courses(running.simulator)
    users = Users(running.api_urls, running.simulator.token, plan.seed)
    contents = Contents()
    if plan.reuse:
        for user in users:
            user.files = put_files(running.simulator, contents, user.name)
    stage = Stage(running, users, random.Random(plan.seed), LEASE_SECONDS, GRACE_SECONDS, DATABASE)
    stage = replace(stage, failover=servers, proxies=cut, contents=contents)
    users.begin(plan.most_steps, listener)
    begun = time.monotonic()
    with users.at_work(plan.going, plan.most_steps):
        struck = Schedule(stage, faults, plan.every_seconds).run(plan.faults)
    _settle(stage, plan)
    facts = _facts(running, users, listener, contents)
    return Report(
        seed=plan.seed,
        seconds=time.monotonic() - begun,
        faults=dict(struck.counts),
        hits=dict(stage.hits),
        silences=silences(struck.spans, facts),
        aftermath=aftermath(struck.spans, facts),
        recovery_seconds=recovery(struck.over, facts),
        cancel_to_kill_seconds=cancel_to_kill(facts),
        verdict=audit(facts),
        skews=plan.skews,
        without=plan.without,
        log_megabytes=sum(each.stat().st_size for each in running.folder.glob("*.log")) / 1e6,
    )


def _settle(stage: Stage, plan: Plan) -> None:
    """No more faults: everything that was promised must come true in time."""
    stage.stack.simulator.clear_faults()
    for process in stage.stack.processes:
        if not process.alive:
            process.start()
    stage.users.finish()
    deadline = time.monotonic() + plan.quiet_seconds
    while time.monotonic() < deadline:
        if not stage.users.settle() and not _unfinished(stage.stack):
            return
        time.sleep(0.3)


def _unfinished(running: Stack) -> int:
    """Jobs that have not ended, and messages that are still to be sent."""
    with MongoClient(running.mongod.uri) as client:
        jobs = client[DATABASE]["jobs"].count_documents({"open": True})
        messages = client[DATABASE]["deliveries"].count_documents({"due": {"$type": "date"}})
        return int(jobs + messages)


def _facts(running: Stack, users: Users, listener: Listener, contents: Contents) -> Facts:
    with MongoClient(running.mongod.uri, tz_aware=True) as client:
        events = defaultdict(list)
        for event in client[DATABASE]["events"].find().sort([("workflow", 1), ("sequence", 1)]):
            events[event["workflow"]].append(event)
        stored = {job["_id"]: job for job in client[DATABASE]["jobs"].find()}
        rows = defaultdict(list)
        for row in client[DATABASE]["workflows"].find({"batch": {"$type": "string"}}):
            rows[row["batch"]].append(row)
    summary = running.simulator.summary()
    return Facts(
        promises=[*users.promises, *row_promises(users.batches, rows)],
        batches=users.batches,
        rows=rows,
        bvbrc_jobs=running.simulator.jobs(),
        starts=running.simulator.calls("AppService.start_app2"),
        stored_jobs=stored,
        events=events,
        peaks=summary["peak_in_flight_by_workflow"],
        cap=CAP,
        user_peaks=summary["peak_in_flight_by_user"],
        user_cap=USER_CAP,
        complaints=_complaints(running.folder),
        heard=listener.sequences,
        spoilt_messages=_spoilt(listener),
        contents=contents,
    )


def _spoilt(listener: Listener) -> list[str]:
    doubled = [each for each, bodies in listener.bodies.items() if len(bodies) > 1]
    refused = [f"{count} messages refused: {why}" for why, count in listener.refusals.items()]
    return [*(f"{each} came with two contents" for each in doubled), *refused]


def _complaints(folder: Path) -> Counter[str]:
    found = Counter[str]()
    for log_file in (*folder.glob("worker*.log"), *folder.glob("api*.log")):
        with log_file.open(errors="replace") as lines:
            found.update(
                match[1]
                for line in lines
                if (match := _EVENT.search(line)) and match[1] in COMPLAINTS
            )
    return found
