"""The heartbeat thread of a worker or beat, which records that the process is alive. A worker's
thread also serves metrics and removes old log files.

A process that hangs or is stopped sends no heartbeat, which health reports.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import pymongo
import structlog
from celery import signals

from config.settings import load_settings
from observability.exposition import Exposition, registry_of
from runtime import watchdog
from runtime.bootstrap import engine_context
from runtime.broken_tasks import broken_tasks
from runtime.forwarding import reach
from runtime.log_removal import remove_logs
from workflows.engine.pause import hold
from workflows.model.errors import Unavailable
from workflows.store.processes import heartbeats

log = structlog.get_logger(__name__)

SWEEP: Final = "tasks.advance_active_workflows"
_PATIENCE_SECONDS: Final = 5.0
_SHORTEST_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 5.0
_TIDY_SECONDS: Final = 3600.0


class HeartbeatThread:
    """The thread. It calls ``tell`` in every round and ends with the process."""

    def __init__(self, name: str, tell: Callable[[], None], *, ticks: bool = False) -> None:
        self.name = name
        self._tell = tell
        self._ticks = ticks
        """Whether each round waits for a tick, instead of a time."""
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._silent = False
        self.seen = float("inf")
        """The start of the present round; the first one may wait long for a server."""
        self._thread = threading.Thread(target=self._run, name="companion", daemon=True)
        self._thread.start()

    def tick(self) -> None:
        self._wake.set()

    def leave(self) -> None:
        """Called when the process ends in an orderly way."""
        self._ending.set()
        self._wake.set()
        self._thread.join(_PATIENCE_SECONDS)
        try:
            with pymongo.timeout(_PATIENCE_SECONDS):
                heartbeats.leave(self.name)
        except Unavailable:
            log.warning("The end of this process could not be recorded")

    def _run(self) -> None:
        interval = load_settings().executor.polling_interval_seconds
        pause = min(max(interval / 2, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        while not self._ending.is_set():
            self._round()
            self._wake.wait(None if self._ticks else pause)
            self.seen = time.monotonic()
            self._wake.clear()

    def _round(self) -> None:
        """Runs one round; a failure is logged once and retried in the next round."""
        try:
            with pymongo.timeout(_PATIENCE_SECONDS):
                self._tell()
        except Exception as failure:  # noqa: BLE001 - the thread must outlive any fault
            if isinstance(failure, Unavailable):
                reach.mongodb_away.set()
            if not self._silent:
                log.warning("This process cannot record its heartbeat", error=str(failure))
            self._silent = True
        else:
            self._silent = False
            reach.mongodb_away.clear()


_here: list[HeartbeatThread] = []


@signals.worker_init.connect
@signals.beat_init.connect
def _begin_watchdog(**_: Any) -> None:
    """Starts the watchdog before the heartbeat thread, since the process may wait for MongoDB or
    the broker."""
    interval = load_settings().executor.polling_interval_seconds

    def is_well(silence_seconds: float) -> bool:
        oldest = time.monotonic() - max(silence_seconds, 3 * interval)
        return all(companion.seen > oldest for companion in _here)

    watchdog.begin(is_well)


def _name(kind: str) -> str:
    return f"{kind}@{socket.gethostname()}:{os.getpid()}"


@signals.worker_ready.connect
def _begin_worker(sender: Any, **_: Any) -> None:
    """Celery sends this signal after each reconnection to the broker, too."""
    if _here:
        return
    queues: Sequence[str] = sorted(sender.app.amqp.queues.consume_from)
    settings = load_settings()
    registry = registry_of(settings.metrics, engine_context)
    exposition = Exposition(settings.metrics, registry) if registry is not None else None
    name = _name("worker")
    tidied = float("-inf")

    def tell() -> None:
        nonlocal tidied
        if exposition is not None:
            exposition.serve()
        cut_off = engine_context().breakers.opened
        if time.monotonic() - tidied > _TIDY_SECONDS:
            remove_logs(settings)
            tidied = time.monotonic()
        heartbeats.record_heartbeat(
            name, "worker", queues, cut_off=cut_off, broken=broken_tasks.lately()
        )

    _here.append(HeartbeatThread(name, tell))


@signals.beat_init.connect
def _begin_beat(**_: Any) -> None:
    """Beat counts as alive as long as it ticks, even if the broker is away."""
    name = _name("beat")
    _hold()

    def tell() -> None:
        engine_context()
        heartbeats.record_heartbeat(name, "beat")

    companion = HeartbeatThread(name, tell, ticks=True)
    atexit.register(companion.leave)
    _here.append(companion)


def _hold() -> None:
    """Pauses the workflows under way, before the first sweep and before the first heartbeat of
    beat."""
    executor = load_settings().executor
    while not executor.enable_auto_resume:
        try:
            engine_context()
            held = hold(timedelta(seconds=executor.polling_interval_seconds))
        except Unavailable as away:
            log.warning("Beat waits for MongoDB", error=str(away))
            threading.Event().wait(_SHORTEST_SECONDS)
        else:
            log.info("Workflows under way do not resume", workflows=held)
            return


@signals.before_task_publish.connect
def _tick(sender: str, **_: Any) -> None:
    if sender == SWEEP:
        for companion in _here:
            companion.tick()


@signals.worker_shutdown.connect
def _end_worker(**_: Any) -> None:
    while _here:
        _here.pop().leave()
