"""A Redis with replicas, watched by Sentinels that elect another master when it is away.

``redis-server --sentinel`` is a Sentinel, so that no further program is needed.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from devstack import embedded, processes
from devstack.processes import Process, wait_until

MASTER_NAME = "broker"
AWAY_SECONDS = 1.0
"""After so long without an answer, a Sentinel believes that a server is away."""
Setting = tuple[str | Path | int, ...]


@dataclass(frozen=True, slots=True)
class Security:
    """A password of every server, and files for TLS; as given to ``redis-server``."""

    password: str = ""
    tls: Mapping[str, Path] = field(default_factory=dict)
    """``cert``, ``key`` and ``ca``, in PEM; empty: no TLS."""

    @property
    def settings(self) -> list[Setting]:
        """Of a Redis and of a Sentinel."""
        if not self.tls:
            return []
        return [
            ("tls-cert-file", self.tls["cert"]),
            ("tls-key-file", self.tls["key"]),
            ("tls-ca-cert-file", self.tls["ca"]),
            ("tls-auth-clients", "no"),
            ("tls-replication", "yes"),
        ]

    def listen(self, port: int) -> list[Setting]:
        return [("port", 0), ("tls-port", port)] if self.tls else [("port", port)]

    def client(self, port: int) -> Redis:
        options: dict[str, object] = {"socket_timeout": 2, "password": self.password or None}
        if self.tls:
            options |= {"ssl": True, "ssl_ca_certs": str(self.tls["ca"])}
        return Redis(port=port, **options)  # type: ignore[arg-type]


@dataclass(slots=True)
class Sentinels:
    """The servers by their ports."""

    security: Security
    redis: dict[int, Process] = field(default_factory=dict)
    sentinels: dict[int, Process] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """As ``broker.url``: the password stands once, as people write it."""
        user = f":{self.security.password}@" if self.security.password else ""
        hosts = ";sentinel://".join(f"127.0.0.1:{port}" for port in self.sentinels)
        query = f"?ssl_ca_certs={self.security.tls['ca']}" if self.security.tls else ""
        return f"sentinel://{user}{hosts}/0{query}"

    def master(self) -> int:
        """The port of the one that a Sentinel of ours names."""
        for port in self.sentinels:
            with suppress(RedisError), self.security.client(port) as client:
                return int(client.sentinel_get_master_addr_by_name(MASTER_NAME)[1])
        raise RuntimeError("no Sentinel answers")

    def wait_for_master(self) -> int:
        """The same, however long the Sentinels of a busy machine take to answer."""
        return self._other_than(0)

    def fail_over(self) -> int:
        """Makes another server the master, in an orderly way; returns its port."""
        before = self.wait_for_master()
        return self._other_than(before, self._begin_failover)

    def lose_master(self) -> int:
        """Freezes the master until another one has replaced it, then thaws it."""
        before = self.wait_for_master()
        self.redis[before].signal(signal.SIGSTOP)
        try:
            return self._other_than(before)
        finally:
            self.redis[before].signal(signal.SIGCONT)

    def stop(self) -> None:
        for process in [*self.sentinels.values(), *self.redis.values()]:
            process.kill()

    def _other_than(self, before: int, ask: Callable[[], None] = lambda: None) -> int:
        """``ask`` is called again and again until then."""
        found = [before]

        def is_chosen() -> bool:
            with suppress(RuntimeError):
                found.append(self.master())
            if found[-1] == before:
                ask()
            return found[-1] != before

        wait_until(is_chosen, "another master is chosen")
        return found[-1]

    def _begin_failover(self) -> None:
        """Refused while no replica is good enough, or the last failover is not over: one that takes
        longer than five seconds is given up, and then begins once more."""
        with suppress(RedisError), self.security.client(next(iter(self.sentinels))) as client:
            client.sentinel_failover(MASTER_NAME)


@contextmanager
def sentinels(
    folder: Path,
    *,
    servers: int = 3,
    watchers: int = 3,
    security: Security | None = None,
    program: Path | None = None,
) -> Iterator[Sentinels]:
    """So many Redis servers and Sentinels, ready for a failover; gone at the end of the block."""
    found = Sentinels(security or Security())
    program = program or embedded.redis_program()
    try:
        master = processes.free_port()
        for port in [master, *(processes.free_port() for _ in range(servers - 1))]:
            found.redis[port] = _start_redis(folder, program, found.security, port, master)
        quorum = watchers // 2 + 1
        for port in [processes.free_port() for _ in range(watchers)]:
            config = _sentinel_config(found.security, port, master, quorum)
            found.sentinels[port] = _start_sentinel(folder, program, port, config)
        wait_until(lambda: _ready(found), "the Sentinels know each other")
        yield found
    finally:
        found.stop()


def _start_redis(
    folder: Path, program: Path, security: Security, port: int, master: int
) -> Process:
    settings = [
        *security.listen(port),
        *security.settings,
        ("bind", "127.0.0.1"),
        ("save", '""'),
        ("repl-diskless-sync", "yes"),
        ("repl-diskless-sync-delay", 0),
    ]
    if security.password:
        settings += [("requirepass", security.password), ("masterauth", security.password)]
    if port != master:
        settings.append(("replicaof", "127.0.0.1", master))
    return _start(folder, program, f"redis-{port}", settings)


def _sentinel_config(security: Security, port: int, master: int, quorum: int) -> list[Setting]:
    settings: list[Setting] = [
        *security.listen(port),
        *security.settings,
        ("bind", "127.0.0.1"),
        ("sentinel", "monitor", MASTER_NAME, "127.0.0.1", master, quorum),
        ("sentinel", "down-after-milliseconds", MASTER_NAME, int(AWAY_SECONDS * 1000)),
        ("sentinel", "failover-timeout", MASTER_NAME, 5000),
    ]
    if security.password:
        settings.append(("sentinel", "auth-pass", MASTER_NAME, security.password))
    return settings


def _start_sentinel(folder: Path, program: Path, port: int, settings: Sequence[Setting]) -> Process:
    return _start(folder, program, f"sentinel-{port}", settings, "--sentinel")


def _start(
    folder: Path, program: Path, name: str, settings: Sequence[Setting], *options: str
) -> Process:
    """Each has a folder of its own: a Sentinel writes to its file what it learns."""
    own = folder / name
    own.mkdir(parents=True, exist_ok=True)
    lines = [" ".join(map(str, setting)) for setting in [("dir", own), *settings]]
    file = own / "redis.conf"
    file.write_text("\n".join(lines) + "\n")
    return processes.start(name, [program, file, *options], log=folder / f"{name}.log")


def _ready(found: Sentinels) -> bool:
    """Every Sentinel knows every server: only then may a failover succeed."""
    for port in found.sentinels:
        try:
            with found.security.client(port) as client:
                known = client.sentinel_master(MASTER_NAME)
        except RedisError:
            return False
        replicas, others = int(known["num-slaves"]), int(known["num-other-sentinels"])
        if (replicas, others) != (len(found.redis) - 1, len(found.sentinels) - 1):
            return False
    return True
