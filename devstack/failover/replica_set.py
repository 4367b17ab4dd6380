"""A MongoDB replica set of several members; another one becomes primary when the primary is
away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from devstack import embedded, processes
from devstack.processes import Process, wait_until

ELECTION_MS = 2_000
"""After so long without a primary, the members elect another one (MongoDB's default: 10 s)."""
QUIET_MS = 1_000
"""For so long a member that is stopped refuses work before it ends. MongoDB's default, 15 s, is as
long as a process has before it is killed: no member would end in an orderly way."""
_DIRECT: dict[str, Any] = {"directConnection": True, "serverSelectionTimeoutMS": 3_000}
_PATIENT: dict[str, Any] = _DIRECT | {"serverSelectionTimeoutMS": 120_000}
"""Of a member that has just said that it listens."""


@dataclass(slots=True)
class ReplicaSet:
    """The members by their ports."""

    members: dict[int, Process] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.members)
        return f"mongodb://{hosts}/?replicaSet=rs0"

    def primary(self) -> int:
        """Its port; 0 while there is none."""
        return next((port for port in self.members if _hello(port).get("isWritablePrimary")), 0)

    def wait_for_primary(self) -> int:
        """Its port. Members on a busy machine may elect another one at any time."""
        found: list[int] = []

        def is_there() -> bool:
            found[:] = [self.primary()]
            return found != [0]

        wait_until(is_there, "there is a primary")
        return found[0]

    def wait(self) -> None:
        """Until there is a primary and every other member follows it."""
        wait_until(self._is_whole, "every member is there")

    def step_down(self) -> None:
        """Makes the primary step down in an orderly way."""
        port = self.wait_for_primary()
        with suppress(PyMongoError), MongoClient("127.0.0.1", port, **_DIRECT) as client:
            client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)

    def kill_primary(self) -> Process:
        """Kills the primary (SIGKILL) and returns it; start it to bring the member back."""
        member = self.members[self.wait_for_primary()]
        member.kill()
        return member

    def restart_all(self) -> None:
        """Restarts the members one after the other, each only when the former is back."""
        for member in self.members.values():
            member.stop()
            member.start()
            self.wait()

    def stop(self) -> None:
        for member in self.members.values():
            member.kill()

    def _is_whole(self) -> bool:
        answers = [_hello(port) for port in self.members]
        primaries = sum(bool(each.get("isWritablePrimary")) for each in answers)
        followers = sum(bool(each.get("secondary")) for each in answers)
        return (primaries, followers) == (1, len(self.members) - 1)


def _hello(port: int) -> dict[str, Any]:
    """A member's answer to hello; empty while it is away."""
    with suppress(PyMongoError), MongoClient("127.0.0.1", port, **_DIRECT) as client:
        return dict(client.admin.command("hello"))
    return {}


@contextmanager
def replica_set(folder: Path, *options: str, size: int = 3) -> Iterator[ReplicaSet]:
    """So many members, ready for writes; ``options`` are mongod's. Gone at the end of the block."""
    found = ReplicaSet()
    try:
        for port in [processes.free_port() for _ in range(size)]:
            found.members[port] = _start(folder / f"mongod-{port}", port, *options)
        for port, member in found.members.items():
            wait_until(
                lambda port=port: processes.listens(port),  # type: ignore[misc]
                "mongod listens",
                process=member,
            )
        hosts = [
            {"_id": number, "host": f"127.0.0.1:{port}"}
            for number, port in enumerate(found.members)
        ]
        settings = {"electionTimeoutMillis": ELECTION_MS}
        with MongoClient("127.0.0.1", next(iter(found.members)), **_PATIENT) as client:
            client.admin.command(
                "replSetInitiate", {"_id": "rs0", "members": hosts, "settings": settings}
            )
        found.wait()
        yield found
    finally:
        found.stop()


def _start(folder: Path, port: int, *options: str) -> Process:
    program, env = embedded._mongod_program(folder / "lib")
    files = folder / "db"
    files.mkdir(parents=True, exist_ok=True)
    return processes.start(
        f"mongod-{port}",
        [
            *(program, "--dbpath", files, "--port", port, "--bind_ip", "127.0.0.1"),
            *("--replSet", "rs0", "--oplogSize", "128", "--wiredTigerCacheSizeGB", "0.25"),
            *("--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={QUIET_MS}"),
            *options,
        ],
        log=folder / "mongod.log",
        env=env,
    )
