"""The faults: what each does to the running product, and how it is undone."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import requests
from pymongo import MongoClient
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.chaos.workload import Users
from devstack.processes import Process
from devstack.stack import Stack

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
    hits: Counter[str] = field(default_factory=Counter)
    """How many calls each kind of AppService's faults disturbed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault. ``strike`` does it, and answers with how it ends after ``seconds``."""

    kind: str
    weight: float
    strike: Callable[[Stage], tuple[float, Undo]]


def killed(which: str, number: int) -> Callable[[Stage], tuple[float, Undo]]:
    """A signal that ends a process; it is started again after up to two seconds."""

    def strike(stage: Stage) -> tuple[float, Undo]:
        process = _one(stage, which)
        if number == signal.SIGKILL:
            process.kill()
        else:
            process.signal(number)

        def undo() -> None:
            process.stop(10)
            process.start()

        return stage.rng.uniform(0, 2), undo

    return strike


def frozen(which: str) -> Callable[[Stage], tuple[float, Undo]]:
    """SIGSTOP for longer than a lease lasts, then SIGCONT."""

    def strike(stage: Stage) -> tuple[float, Undo]:
        process = _one(stage, which)
        process.signal(signal.SIGSTOP)
        return stage.lease_seconds * stage.rng.uniform(1.2, 3), lambda: process.signal(
            signal.SIGCONT
        )

    return strike


def flushed(stage: Stage) -> tuple[float, Undo]:
    with suppress(RedisError), Redis.from_url(stage.stack.redis.uri, socket_timeout=2) as client:
        client.flushall()
    return 0, nothing


def away(server: str, seconds: float) -> Callable[[Stage], tuple[float, Undo]]:
    """Redis or mongod is killed, and comes back on the same port after that time."""

    def strike(stage: Stage) -> tuple[float, Undo]:
        found = getattr(stage.stack, server)
        found.kill()
        return seconds, found.start

    return strike


def disk_full(stage: Stage) -> tuple[float, Undo]:
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
    return stage.rng.uniform(1, 4), lambda: _admin(stage, {**failing, "mode": "off"})


def _admin(stage: Stage, command: dict[str, object]) -> None:
    with MongoClient(stage.stack.mongod.uri, serverSelectionTimeoutMS=5_000) as client:
        client.admin.command(command)


def answer(kind: str, method: str = "*", **more: object) -> Callable[[Stage], tuple[float, Undo]]:
    """The next one to three calls of a method of AppService go wrong."""

    def strike(stage: Stage) -> tuple[float, Undo]:
        drawn = {name: value(stage) if callable(value) else value for name, value in more.items()}
        count = stage.rng.randint(1, 3)
        fault = stage.stack.simulator.fault(kind, method, count=count, **drawn)
        name = f"{kind}-{method}"

        def undo() -> None:
            present = requests.get(f"{stage.stack.simulator.url}/control/faults", timeout=10).json()
            stage.hits[name] += sum(each["hits"] for each in present if each["id"] == fault)
            stage.stack.simulator.remove_fault(fault)

        return 8, undo

    return strike


def switched(seconds: float, **switches: object) -> Callable[[Stage], tuple[float, Undo]]:
    def strike(stage: Stage) -> tuple[float, Undo]:
        before = stage.stack.simulator.switch()
        stage.stack.simulator.switch(**switches)
        usual = {name: before[name] for name in switches}
        return seconds, lambda: stage.stack.simulator.switch(**usual) and None

    return strike


def missing(stage: Stage) -> tuple[float, Undo]:
    """For a while AppService does not name one of the jobs under way."""
    if job := _going(stage):
        stage.stack.simulator.act("hide", job, seconds=3)
    return 0, nothing


def strange_word(stage: Stage) -> tuple[float, Undo]:
    """For a while AppService calls the state of one job by a word that nobody knows."""
    job = _going(stage)
    if job is None:
        return 0, nothing
    stage.stack.simulator.act("word", job, word="meditating")
    return 3, lambda: stage.stack.simulator.act("word", job, word="") and None


def _going(stage: Stage) -> str | None:
    going = [job["id"] for job in stage.stack.simulator.jobs() if job["state"] in ("Q", "S")]
    return str(stage.rng.choice(going)) if going else None


def expired(stage: Stage) -> tuple[float, Undo]:
    """A user's tokens stop counting; the user gives a fresh one after a while."""
    user = stage.rng.choice(stage.users.names)
    stage.stack.simulator.expire(user)
    return stage.rng.uniform(1, 5), lambda: stage.users.renew(user)


def _one(stage: Stage, which: str) -> Process:
    return stage.rng.choice(getattr(stage.stack, which))


def _short_of_grace(stage: Stage) -> float:
    """A call that comes through late, but within what the grace allows for."""
    return stage.grace_seconds * stage.rng.uniform(0.1, 0.4)


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
    Fault("redis-away", 1, away("redis", 10)),
    Fault("mongod-restart", 1.5, away("mongod", 0)),
    Fault("mongod-away", 0.7, away("mongod", 10)),
    Fault("mongod-disk-full", 2, disk_full),
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
    Fault("ids-missing", 4, missing),
    Fault("unknown-state-word", 3, strange_word),
    Fault("token-expired", 2, expired),
]
ALL: Sequence[Fault] = (*PROCESSES, *SERVERS, *APPSERVICE)
