"""Every process of the product on this machine: what tests, benchmarks and the chaos driver run.

Each process can be killed and started again by itself; all are gone at the end of the block.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import requests

from devstack import embedded, processes, servers
from devstack.embedded import Server
from devstack.processes import Process, wait_until
from devstack.records import ROOT
from simulator.client import Simulator


@dataclass(frozen=True, slots=True)
class Wanted:
    """The processes to start, and the settings that differ."""

    workers: int = 1
    beats: int = 1
    apis: int = 0
    concurrency: int = 16
    """Threads of each worker."""
    queues: tuple[str, ...] = ()
    """The queues of the first workers, each as ``a,b``; other workers consume every queue."""
    mongod_options: tuple[str, ...] = ()
    skews: tuple[str, ...] = ()
    """Clocks of the first workers, as libfaketime has it (``+120s``); empty: the true one."""
    launcher: tuple[str, ...] = ()
    """A module, and words for it, that starts each process's own module in its stead."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """``executor.polling_interval_seconds`` and the like, to their values."""
    simulator: Mapping[str, object] = field(default_factory=dict)
    """Switches of the simulator, to their values; empty: as the genuine service is."""


@dataclass(slots=True)
class Stack:
    """A running product. ``env`` is what its processes, and a test's own settings, are made of."""

    folder: Path
    env: dict[str, str]
    mongod: Server
    redis: Server
    simulator: Simulator
    simulator_process: Process
    launcher: tuple[str, ...] = ()
    code: Path = ROOT
    """The checkout that further processes run: this one, or one of another commit."""
    workers: list[Process] = field(default_factory=list)
    beats: list[Process] = field(default_factory=list)
    apis: list[Process] = field(default_factory=list)
    api_urls: list[str] = field(default_factory=list)

    @property
    def processes(self) -> list[Process]:
        """Ours; the servers and the simulator are not among them."""
        return [*self.workers, *self.beats, *self.apis]

    def run(
        self, name: str, *command: str | int | Path, env: Mapping[str, str] | None = None
    ) -> Process:
        """Starts a further process of the product."""
        return processes.start(
            name,
            [sys.executable, "-m", *self.launcher, *command],
            log=self.folder / f"{name}.log",
            env={**self.env, "PYTHONPATH": _python_path(self.code), **(env or {})},
            folder=self.code,
        )

    def add_worker(self, *options: str | int, skew: str = "") -> Process:
        name = f"worker{len(self.workers) + 1}"
        process = self.run(
            name,
            *("celery", "-A", "tasks", "worker", "-n", f"{name}@%h", "-l", "INFO", *options),
            env=_clock_skew(skew) if skew else None,
        )
        self.workers.append(process)
        return process

    def add_beat(self) -> Process:
        process = self.run(f"beat{len(self.beats) + 1}", "celery", "-A", "tasks", "beat")
        self.beats.append(process)
        return process

    def add_api(self, *options: str | int) -> str:
        """Another API; its URL, without the prefix, once it answers.

        It listens before it has loaded: a request of that time waits, perhaps until its client has
        given up, and is carried out nevertheless.
        """
        port = processes.free_port()
        name = f"api{len(self.apis) + 1}"
        process = self.run(name, "gunicorn", "wsgi:app", "-b", f"127.0.0.1:{port}", *options)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(url), f"{name} answers", process=process)
        self.apis.append(process)
        self.api_urls.append(url)
        return self.api_urls[-1]

    def stop(self) -> None:
        for process in [*self.processes, self.simulator_process]:
            process.kill()
        for server in (self.redis, self.mongod):
            with suppress(OSError):
                server.kill()


@contextmanager
def stack(wanted: Wanted | None = None) -> Iterator[Stack]:
    """The product on free ports, with everything it keeps in a temporary folder."""
    wanted = wanted or Wanted()
    with processes.temporary_folder("workflows-stack-") as folder:
        running = _servers(folder, wanted)
        try:
            for _, skew, queues in zip_longest(
                range(wanted.workers), wanted.skews, wanted.queues, fillvalue=""
            ):
                only = ("-Q", queues) if queues else ()
                running.add_worker("-c", wanted.concurrency, *only, skew=skew)
            for _ in range(wanted.beats):
                running.add_beat()
            for _ in range(wanted.apis):
                running.add_api()
            yield running
        finally:
            running.stop()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/v1/health/live", timeout=5).ok
    except requests.RequestException:
        return False


def _servers(folder: Path, wanted: Wanted) -> Stack:
    mongod = embedded.start_mongod(folder / "mongod", *wanted.mongod_options)
    redis = embedded.start_redis(folder / "redis")
    process, simulator = servers.start_simulator(folder, wanted.simulator)
    given = {f"WORKFLOW_{_variable(key)}": str(value) for key, value in wanted.settings.items()}
    env = _env(folder, mongod, redis, simulator) | given
    return Stack(folder, env, mongod, redis, simulator, process, wanted.launcher)


def _env(folder: Path, mongod: Server, redis: Server, simulator: Simulator) -> dict[str, str]:
    return {
        "WORKFLOW_MONGODB__URI": mongod.uri,
        "WORKFLOW_BROKER__URL": redis.uri,
        "WORKFLOW_AUTH__TOKEN_KEYS": servers.token_keys(folder),
        **servers.leading_to(simulator),
        **servers.kept_in(folder),
        "PYTHONPATH": _python_path(ROOT),
    }


def _python_path(code: Path) -> str:
    return os.pathsep.join(filter(None, [str(code), os.environ.get("PYTHONPATH")]))


def _clock_skew(skew: str) -> dict[str, str]:
    """The environment of a process with a skewed clock, by Debian's libfaketime.

    Only the clock on the wall is wrong, as between real hosts: durations stay true.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise FileNotFoundError("a skewed clock needs Debian's package libfaketime")
    return {"LD_PRELOAD": str(library), "FAKETIME": skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _variable(key: str) -> str:
    return key.upper().replace(".", "__")
