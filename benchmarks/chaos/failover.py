"""Servers that fail over: a set-up of its own for the driver.

MongoDB is a replica set of three, Redis has three Sentinels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.chaos.faults import PARTITIONS, Fault, Stage, Strike, Striking
from devstack.embedded import Server
from devstack.failover.replica_set import ReplicaSet, replica_set
from devstack.failover.sentinels import MASTER_NAME, Sentinels, sentinels
from devstack.processes import temporary_folder
from devstack.stack import Stack, Wanted, stack


@dataclass(frozen=True, slots=True)
class Failover:
    """What can fail over."""

    mongodb: ReplicaSet
    redis: Sentinels


@contextmanager
def failover_stack(wanted: Wanted) -> Iterator[tuple[Stack, Failover]]:
    """The product on such servers."""
    with (
        temporary_folder("workflows-failover-") as folder,
        replica_set(folder / "mongodb", *wanted.mongod_options) as members,
        sentinels(folder / "redis") as watched,
    ):
        settings = {
            **wanted.settings,
            "mongodb.uri": members.uri,
            "broker.url": watched.url,
            "broker.sentinel_master": MASTER_NAME,
        }
        with stack(replace(wanted, settings=settings)) as running:
            single = running.mongod
            running.mongod = Server(members.uri, single.process, members.wait)
            try:
                yield running, Failover(members, watched)
            finally:
                running.mongod = single


def _changes(target: str, change: Callable[[Failover], Callable[[], None]]) -> Striking:
    """``change`` strikes and answers what makes all members be there again."""

    def strike(stage: Stage) -> Strike | None:
        if stage.failover is None:
            return None
        return Strike(stage.rng.uniform(2, 6), change(stage.failover), target)

    return strike


def _step_down(servers: Failover) -> Callable[[], None]:
    servers.mongodb.step_down()
    return servers.mongodb.wait


def _kill_primary(servers: Failover) -> Callable[[], None]:
    member = servers.mongodb.kill_primary()

    def bring_back() -> None:
        if not member.alive:
            member.start()
        servers.mongodb.wait()

    return bring_back


def _restart_all(servers: Failover) -> Callable[[], None]:
    return servers.mongodb.restart_all


def _another_master(change: Callable[[Sentinels], object]) -> Striking:
    """Sentinels take their time: the change waits for them, and no other fault waits for it."""

    def strike(stage: Stage) -> Strike | None:
        if stage.failover is None:
            return None
        watched = stage.failover.redis

        def run() -> None:
            change(watched)

        return Strike(undo=run, target="redis")

    return strike


FAILOVER = [
    Fault("mongod-step-down", 2, _changes("mongod", _step_down)),
    Fault("mongod-primary-killed", 2, _changes("mongod", _kill_primary)),
    Fault("mongod-rolling-restart", 1, _changes("mongod", _restart_all)),
    Fault("redis-failover", 2, _another_master(Sentinels.fail_over)),
    Fault("redis-master-lost", 2, _another_master(Sentinels.lose_master)),
    *PARTITIONS,
]
