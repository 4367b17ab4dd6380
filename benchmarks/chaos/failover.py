"""Servers that fail over, and one worker that is cut off: a set-up of its own for the driver.

MongoDB is a replica set of three, Redis has three Sentinels, and the first worker reaches
AppService through a proxy that can be frozen. (A partition from MongoDB needs a direct connection,
which a replica set does not leave to its clients: ``tests/reliability/test_failover.py`` has it.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.chaos.faults import Fault, Stage, Strike, Striking
from devstack.embedded import Server
from devstack.processes import temporary_folder
from devstack.replica_set import ReplicaSet, replica_set
from devstack.sentinels import MASTER_NAME, Sentinels, sentinels
from devstack.stack import Stack, Wanted, stack
from devstack.tcp_proxy import TcpProxy, tcp_proxy

SCHEDULER = "WORKFLOW_SCHEDULER__URL"


@dataclass(frozen=True, slots=True)
class Failover:
    """What can fail over, or be cut off."""

    mongodb: ReplicaSet
    redis: Sentinels
    appservice: TcpProxy


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
            with tcp_proxy(_port(running.simulator.url)) as proxy:
                _lead_through(running, proxy)
                try:
                    yield running, Failover(members, watched, proxy)
                finally:
                    running.mongod = single


def _lead_through(running: Stack, proxy: TcpProxy) -> None:
    """The first worker starts again with another address of AppService."""
    worker = running.workers[0]
    address = running.env[SCHEDULER].replace(f":{_port(running.simulator.url)}", f":{proxy.port}")
    worker.kill()
    worker.env = {**worker.env, SCHEDULER: address}
    worker.start()


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


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


def _cut_off(stage: Stage) -> Strike | None:
    """For longer than a lease lasts and well below the grace, by its own timer: a driver that is
    busy with another fault must not keep a request back for longer than a network may."""
    if stage.failover is None:
        return None
    seconds = stage.lease_seconds * stage.rng.uniform(1.2, 2.2)
    stage.failover.appservice.freeze_for(seconds)
    return Strike(seconds, stage.failover.appservice.thaw, "partition")


FAILOVER = [
    Fault("mongod-step-down", 2, _changes("mongod", _step_down)),
    Fault("mongod-primary-killed", 2, _changes("mongod", _kill_primary)),
    Fault("mongod-rolling-restart", 1, _changes("mongod", _restart_all)),
    Fault("redis-failover", 2, _another_master(Sentinels.fail_over)),
    Fault("redis-master-lost", 2, _another_master(Sentinels.lose_master)),
    Fault("partition-appservice", 3, _cut_off),
]
