"""Sends Celery messages that announce work, from a separate thread, so that no request waits for
it.

A hint may be lost, since the sweep finds the work in MongoDB. So hints are dropped for a while when
the broker is away, and under load many hints become one message.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

import structlog
from celery import Celery

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 10_000
MOST_IN_MESSAGE: Final = 50
GATHERING_SECONDS: Final = 0.1
"""After a first hint, which goes at once, the next ones are gathered for so long. Each message, and
each waking of a thread, has its price: together as much as half of a submission (measured)."""
_REQUEST_IDS: Final = 10


@dataclass(frozen=True, slots=True)
class Hint:
    """A task to run, for one workflow or batch, or in general."""

    task: str
    workflow: str = ""
    request_id: str = ""


class Hints:
    """The queue of hints. Threads may share it; after a fork each process has its own thread."""

    def __init__(self, celery: Celery, *, pause_seconds: float = 5.0) -> None:
        """After a failure the broker is not tried for ``pause_seconds``."""
        self._celery = celery
        self._pause_seconds = pause_seconds
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._waiting: deque[Hint] = deque(maxlen=MOST_WAITING)
        self._arrived = threading.Condition()
        self._idle = True
        self._thread: threading.Thread | None = None
        self._silent_until = 0.0

    def advance(self, workflow: str, request_id: str = "") -> None:
        """Announces that the workflow can be advanced."""
        self._add(Hint("tasks.advance_workflows", workflow, request_id))

    def advance_batch(self, batch: str, request_id: str = "") -> None:
        """Announces that rows of the batch can be made."""
        self._add(Hint("tasks.advance_batches", batch, request_id))

    def start_jobs(self, request_id: str = "") -> None:
        """Announces that jobs which waited for a token can be sent."""
        self._add(Hint("tasks.start_jobs", request_id=request_id))

    def notify(self, request_id: str = "") -> None:
        """Announces that messages to webhooks are due."""
        self._add(Hint("tasks.deliver_notifications", request_id=request_id))

    def kill_jobs(self, request_id: str = "") -> None:
        self._add(Hint("tasks.kill_jobs", request_id=request_id))

    def _add(self, hint: Hint) -> None:
        if self._pid != os.getpid():
            self._start_over()
        with self._arrived:
            self._waiting.append(hint)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
            if self._idle:
                self._arrived.notify()

    def _run(self) -> None:
        while True:
            with self._arrived:
                self._idle = True
                while not self._waiting:
                    self._arrived.wait()
                self._idle = False
            self._send_all()
            time.sleep(GATHERING_SECONDS)

    def _send_all(self) -> None:
        while self._waiting:
            with self._arrived:
                batch = self._batch()
            if time.monotonic() >= self._silent_until:
                self._send(batch)

    def _batch(self) -> list[Hint]:
        """The hints at the head that fit into one message: of one task."""
        batch = [self._waiting.popleft()]
        while (
            self._waiting
            and self._waiting[0].task == batch[0].task
            and len(batch) < MOST_IN_MESSAGE
        ):
            batch.append(self._waiting.popleft())
        return batch

    def _send(self, batch: list[Hint]) -> None:
        ids = list(dict.fromkeys(hint.workflow for hint in batch if hint.workflow))
        request_ids = [hint.request_id for hint in batch if hint.request_id][:_REQUEST_IDS]
        try:
            self._celery.send_task(
                batch[0].task,
                (ids,) if ids else (),
                retry=False,
                headers={"request_id": ",".join(request_ids)} if request_ids else None,
            )
        except Exception as failure:  # noqa: BLE001 - the broker's client raises many kinds
            self._silent_until = time.monotonic() + self._pause_seconds
            log.warning(
                "Hints are not sent: the sweep will find the workflows",
                error=type(failure).__name__,
                pause_seconds=self._pause_seconds,
            )
