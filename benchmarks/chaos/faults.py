"""The faults: what each does to the running product, and how it is undone."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import requests
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.chaos.users import Users
from devstack.failover.tcp_proxy import TcpProxy
from devstack.processes import NotReady, Process, wait_until
from devstack.stack import Stack

if TYPE_CHECKING:
    from benchmarks.chaos.failover import Failover
    from benchmarks.chaos.reuse import Contents

Undo = Callable[[], None]


def nothing() -> None:
    """A fault that is over when it has happened."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the faults act on."""

    stack: Stack
    users: Users
    rng: random.Random
    lease_seconds: float
    grace_seconds: float
    database: str
    hits: Counter[str] = field(default_factory=Counter)
    """How many calls each kind of AppService's faults disturbed."""
    disturbed: set[str] = field(default_factory=set)
    """Names of the processes and servers that a fault has hold of, or has just let go."""
    failover: Failover | None = None
    """Servers that fail over; None: the plain ones."""
    proxies: Mapping[str, TcpProxy] = field(default_factory=dict)
    """In front of the servers from which one worker can be cut off."""
    contents: Contents | None = None
    """With reuse: what users have written into their files."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that struck."""

    seconds: float = 0.0
    """How long it lasts."""
    undo: Undo = nothing
    target: str = ""
    """The process or server that no other fault may strike during this one; empty: none."""


Striking = Callable[[Stage], Strike | None]
"""Does it; None where there was nothing to strike."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault."""

    kind: str
    weight: float
    strike: Striking


def killed(which: str, number: int) -> Striking:
    """A signal that ends a process; it is started again after up to two seconds."""

    def strike(stage: Stage) -> Strike | None:
        process = _one(stage, which)
        if process is None:
            return None
        if number == signal.SIGKILL:
            process.kill()
        else:
            process.signal(number)

        return Strike(stage.rng.uniform(0, 2), lambda: start_again(process), process.name)

    return strike


def start_again(process: Process) -> None:
    """Until it says something, it is still loading its code: seconds where the machine is busy, and
    processes that are killed while they start would do no work at all.
    """
    process.stop(10)
    said = _said(process)
    process.start()
    with suppress(NotReady):  # such as one that cannot start while its servers are away
        up = f"{process.name} is up"
        wait_until(lambda: _said(process) > said, up, seconds=60, process=process)


def _said(process: Process) -> int:
    """The bytes of its log."""
    return process.log.stat().st_size if process.log else 0


def frozen(which: str) -> Striking:
    """SIGSTOP for longer than a lease lasts, then SIGCONT."""

    def strike(stage: Stage) -> Strike | None:
        process = _one(stage, which)
        if process is None:
            return None
        process.signal(signal.SIGSTOP)
        seconds = stage.lease_seconds * stage.rng.uniform(1.2, 3)
        return Strike(seconds, lambda: process.signal(signal.SIGCONT), process.name)

    return strike


def flushed(stage: Stage) -> Strike:
    with suppress(RedisError), Redis.from_url(stage.stack.redis.uri, socket_timeout=2) as client:
        client.flushall()
    return Strike(target="redis")


def away(server: str, seconds: float) -> Striking:
    """Redis or mongod is killed, and comes back on the same port after that time."""

    def strike(stage: Stage) -> Strike:
        found = getattr(stage.stack, server)
        found.kill()
        return Strike(seconds, found.start, server)

    return strike


def disk_full(stage: Stage) -> Strike:
    """For some seconds mongod refuses every write as it does on a full disk."""
    failing = {
        "configureFailPoint": "failCommand",
        "mode": "alwaysOn",
        "data": {
            "errorCode": 14031,
            "failCommands": ["insert", "update", "findAndModify", "delete", "commitTransaction"],
        },
    }
    _admin(stage, failing)
    seconds = stage.rng.uniform(1, 4)
    return Strike(seconds, lambda: _admin(stage, {**failing, "mode": "off"}), "mongod")


def _admin(stage: Stage, command: dict[str, object]) -> None:
    with MongoClient(stage.stack.mongod.uri, serverSelectionTimeoutMS=60_000) as client:
        client.admin.command(command)


def answer(kind: str, method: str = "*", **more: object) -> Striking:
    """The next one to three calls of a method of AppService go wrong."""

    def strike(stage: Stage) -> Strike:
        drawn = {name: value(stage) if callable(value) else value for name, value in more.items()}
        count = stage.rng.randint(1, 3)
        fault = stage.stack.simulator.fault(kind, method, count=count, **drawn)
        name = f"{kind}-{method}"

        def undo() -> None:
            present = requests.get(f"{stage.stack.simulator.url}/control/faults", timeout=10).json()
            stage.hits[name] += sum(each["hits"] for each in present if each["id"] == fault)
            stage.stack.simulator.remove_fault(fault)

        return Strike(8, undo)

    return strike


def failing(method: str, seconds: float) -> Striking:
    """For so long no call of that method is served."""

    def strike(stage: Stage) -> Strike:
        fault = stage.stack.simulator.fault("status", method, status=503)
        return Strike(seconds, lambda: stage.stack.simulator.remove_fault(fault))

    return strike


def switched(seconds: float, **switches: object) -> Striking:
    def strike(stage: Stage) -> Strike | None:
        before = stage.stack.simulator.switch()
        if all(before[name] == value for name, value in switches.items()):
            return None  # another fault has set it and will undo it
        stage.stack.simulator.switch(**switches)
        usual = {name: before[name] for name in switches}
        return Strike(seconds, lambda: stage.stack.simulator.switch(**usual) and None)

    return strike


def cut_off(server: str) -> Striking:
    """For longer than a lease lasts and well below the grace, by its own timer: a driver that is
    busy with another fault must not keep a request back for longer than a network may."""

    def strike(stage: Stage) -> Strike | None:
        proxy = stage.proxies.get(server)
        if proxy is None:
            return None
        seconds = stage.lease_seconds * stage.rng.uniform(1.2, 1.8)
        proxy.freeze_for(seconds)
        return Strike(seconds, proxy.thaw, "partition")

    return strike


def missing(stage: Stage) -> Strike | None:
    """For a while AppService does not name one of the jobs that we know of. (One that we look for
    must be found after the grace: that AppService would then keep silent of it is not to be had.)
    """
    job = _known(stage)
    if job is None:
        return None
    stage.stack.simulator.act("hide", job, seconds=3)
    return Strike(3)


def deleted(stage: Stage) -> Strike | None:
    """AppService forgets a job that we know of, for good. Its step may fail of that."""
    job = _known(stage)
    if job is None:
        return None
    stage.stack.simulator.act("vanish", job)
    return Strike()


def _known(stage: Stage) -> str | None:
    """A job under way whose id is stored."""
    with MongoClient(stage.stack.mongod.uri, serverSelectionTimeoutMS=1_000) as client:
        try:
            known = list(client[stage.database]["jobs"].find({"state": "active"}, limit=50))
        except PyMongoError:
            return None
    return str(stage.rng.choice(known)["job_id"]) if known else None


def strange_word(stage: Stage) -> Strike | None:
    """For a while AppService calls the state of one job by a word that nobody knows."""
    job = _going(stage)
    if job is None:
        return None
    stage.stack.simulator.act("word", job, word="meditating")
    return Strike(3, lambda: stage.stack.simulator.act("word", job, word="") and None)


def _going(stage: Stage) -> str | None:
    going = stage.stack.simulator.jobs(state="[QS]")
    return str(stage.rng.choice(going)["id"]) if going else None


def expired(stage: Stage) -> Strike:
    """A user's tokens stop counting; the user gives a fresh one after a while."""
    user = stage.rng.choice(list(stage.users))
    stage.stack.simulator.expire(user.name)

    def undo() -> None:
        user.parked_at = time.time()

    return Strike(stage.rng.uniform(1, 5), undo)


def _one(stage: Stage, which: str) -> Process | None:
    """A process of that kind that no other fault has hold of."""
    free = [each for each in getattr(stage.stack, which) if each.name not in stage.disturbed]
    return stage.rng.choice(free) if free else None


def _short_of_grace(stage: Stage) -> float:
    """A call that comes through late, also after its client gave up, but within the grace: less
    what may pass between the claim of the job and its first byte, seconds where the machine is
    busy.
    """
    return stage.grace_seconds * stage.rng.uniform(0.1, 0.5)


START = "start_app2"
PROCESSES = [
    Fault(f"{name}-{which[:-1]}", weight, killed(which, number))
    for which, weight in (("workers", 5.0), ("beats", 1.0), ("apis", 1.0))
    for name, number in (("SIGKILL", signal.SIGKILL), ("SIGTERM", signal.SIGTERM))
] + [
    Fault(f"SIGSTOP-{which[:-1]}", weight, frozen(which))
    for which, weight in (("workers", 4.0), ("beats", 1.0), ("apis", 1.0))
]
SERVERS = [
    Fault("redis-flushall", 4, flushed),
    Fault("redis-restart", 2, away("redis", 0)),
    Fault("redis-away", 1, away("redis", 30)),
    Fault("mongod-restart", 1.5, away("mongod", 0)),
    Fault("mongod-away", 0.7, away("mongod", 30)),
    Fault("mongod-disk-full", 2, disk_full),
]
PARTITIONS = [
    Fault("partition-appservice", 3, cut_off("appservice")),
    Fault("partition-mongodb", 3, cut_off("mongodb")),
]
APPSERVICE = [
    Fault("reply-lost-job-created", 8, answer("lost", START)),
    Fault("reply-lost-before", 4, answer("lost", START, done=False)),
    Fault("reset-after", 4, answer("reset", START)),
    Fault("reset-before", 3, answer("reset", done=False)),
    Fault("502-after", 4, answer("status", START, status=502, done=True)),
    Fault("503-before", 3, answer("status", status=503)),
    Fault("504-after", 4, answer("status", START, status=504, done=True)),
    Fault("late-but-created", 4, answer("delay", START, seconds=_short_of_grace)),
    Fault("hang-created", 3, answer("hang", START, seconds=6)),
    Fault("hang-not-created", 2, answer("hang", START, seconds=6, done=False)),
    Fault("hang-query", 2, answer("hang", "query_tasks", seconds=6)),
    Fault("drip", 2, answer("drip", seconds=3)),
    Fault("cut-in-the-middle", 4, answer("cut", START)),
    Fault("garbage", 4, answer("garbage")),
    Fault("proxy-html", 3, answer("html", done=True)),
    Fault("cloudflare", 2, answer("cloudflare")),
    Fault("no-reason-created", 5, answer("no_reason", START, done=True)),
    Fault("no-reason-not-created", 1, answer("no_reason", START)),
    Fault("db-session-lost", 4, answer("db_lost")),
    Fault("db-session-lost-created", 3, answer("db_lost", START, done=True)),
    Fault("service-disabled", 1.5, switched(3, enabled=False)),
    Fault("qstat-absent", 1.5, switched(4, qstat=False)),
    Fault("workspace-away", 2, failing("Workspace.*", 5)),
    Fault("archive-of-reads-away", 2, switched(5, archive=False)),
    Fault("ids-missing", 4, missing),
    Fault("job-deleted", 1, deleted),
    Fault("unknown-state-word", 3, strange_word),
    Fault("token-expired", 2, expired),
]


def aimed(kinds: Sequence[str], among: Sequence[Fault]) -> Sequence[Fault]:
    """The faults of these kinds, each as likely as the others."""
    found = [replace(fault, weight=1) for fault in among if fault.kind in kinds]
    if len(found) != len(kinds):
        raise ValueError(f"no such faults among {kinds}")
    return found


KINDS: Mapping[str, Sequence[Fault]] = {
    "all": (*PROCESSES, *SERVERS, *PARTITIONS, *APPSERVICE),
    "processes": PROCESSES,
    "servers": SERVERS,
    "appservice": APPSERVICE,
}
