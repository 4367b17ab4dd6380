"""Distributes new events to all live clients: one reader in a process, however many clients.

A client that is too slow is dropped; it reconnects with the number of its last event.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from pymongo.errors import PyMongoError

from workflows.model.errors import Unavailable
from workflows.model.values import Event
from workflows.store import change_stream

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 1_000
"""How many events a client may lag behind."""
OPENING_SECONDS: Final = 5.0
AGAIN_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 60.0
"""How long the reader runs without clients."""


EVERYTHING: Final = ""
"""In place of a workflow's id: the events of all."""


class Dropped(Exception):
    """This client is too slow, or the process ends; it may reconnect."""


class Subscription:
    """The new events of one workflow, for one client."""

    def __init__(self) -> None:
        self._events: deque[Event | None] = deque()
        self._arrived = threading.Condition()
        self._dropped = False

    def put(self, event: Event | None) -> None:
        """Queues an event; None: events may have been missed."""
        with self._arrived:
            if len(self._events) >= MOST_WAITING:
                self._dropped = True
            else:
                self._events.append(event)
            self._arrived.notify()

    def drop(self) -> None:
        with self._arrived:
            self._dropped = True
            self._arrived.notify()

    def take(self, seconds: float) -> list[Event | None]:
        """The new events; empty after the timeout. Raises ``Dropped``."""
        with self._arrived:
            if not self._events and not self._dropped:
                self._arrived.wait(seconds)
            if self._dropped:
                raise Dropped
            found = list(self._events)
            self._events.clear()
        return found


class Broadcaster:
    """The process's reader and its clients."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._subscriptions: dict[str, set[Subscription]] = defaultdict(set)
        self._count = 0
        self._thread: threading.Thread | None = None
        self._open = threading.Event()

    @contextmanager
    def subscribe(self, workflow: str) -> Iterator[Subscription]:
        """Nothing of the workflow that is committed from now on is missed. Raises
        ``Unavailable``.
        """
        if self._pid != os.getpid():
            self._start_over()
        subscription = Subscription()
        with self._lock:
            if self._count >= self._most:
                raise Unavailable("Too many clients watch live here; come again later.")
            self._count += 1
            self._subscriptions[workflow].add(subscription)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
                self._thread.start()
        try:
            if not self._open.wait(OPENING_SECONDS):
                raise Unavailable("The events cannot be followed now.")
            yield subscription
        finally:
            self._leave(workflow, subscription)

    @contextmanager
    def take_place(self) -> Iterator[None]:
        """One of the places of clients that hold a thread for long, without events. Raises
        ``Unavailable``.
        """
        if self._pid != os.getpid():
            self._start_over()
        with self._lock:
            if self._count >= self._most:
                raise Unavailable("Too many clients watch or download here; come again later.")
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1

    def _leave(self, workflow: str, subscription: Subscription) -> None:
        with self._lock:
            self._count -= 1
            self._subscriptions[workflow].discard(subscription)
            if not self._subscriptions[workflow]:
                del self._subscriptions[workflow]

    def close(self) -> None:
        """Disconnects every client: the process is about to end."""
        for subscription in self._all():
            subscription.drop()

    def _all(self) -> list[Subscription]:
        with self._lock:
            return [each for group in self._subscriptions.values() for each in group]

    def _run(self) -> None:
        while not self._idle():
            try:
                self._follow()
            except (Unavailable, PyMongoError) as failure:
                self._open.clear()
                log.warning("The events cannot be followed", error=type(failure).__name__)
                time.sleep(AGAIN_SECONDS)

    def _follow(self) -> None:
        """Reads events until there has been no client for a while."""
        with change_stream.open_tail() as events:
            for subscription in self._all():
                subscription.put(None)
            self._open.set()
            watched_at = time.monotonic()
            while time.monotonic() - watched_at < IDLE_SECONDS:
                self._deliver(events.next())
                if self._count:
                    watched_at = time.monotonic()

    def _deliver(self, found: tuple[str, Event] | None) -> None:
        if found is None:
            return
        workflow, event = found
        with self._lock:
            interested = (self._subscriptions.get(key, ()) for key in (workflow, EVERYTHING))
            subscriptions = [each for group in interested for each in group]
        for subscription in subscriptions:
            subscription.put(event)

    def _idle(self) -> bool:
        """Whether the reader ends; the lock keeps new clients out until then."""
        with self._lock:
            if self._count:
                return False
            self._open.clear()
            self._thread = None
            return True
