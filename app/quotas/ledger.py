"""The users' consumption as this process knows it: its own counts at once, those of other processes
a second later.

A request costs a lock and a few additions. A thread adds up with the other processes once a second
while there is something to add (``workflows/store/users/usage.py``). While MongoDB is away each
process goes by its own counts.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import uuid4

import pymongo
import structlog

from workflows.store.users import usage
from workflows.store.users.usage import Key, Stored

log = structlog.get_logger(__name__)

WINDOW_SECONDS: Final = 60
FLUSH_SECONDS: Final = 1.0
_FLUSH_TIMEOUT_SECONDS: Final = 2.0
_STALE_SECONDS: Final = 5.0
_SHARE: Final = 20
"""What took a second to add up is added up again after that many at the earliest."""
_FORGOTTEN_SECONDS: Final = 600.0


class Limit(StrEnum):
    """What is limited. The names are those of the settings in ``quotas``."""

    REQUESTS = "requests_per_minute"
    CPU = "cpu_seconds_per_minute"
    CONCURRENT = "concurrent_requests"
    STREAMS = "live_streams"
    ACTIVE = "active_workflows"
    BYTES = "stored_bytes"

    @property
    def is_rate(self) -> bool:
        """True for a rate, whose count starts again each minute."""
        return self in (Limit.REQUESTS, Limit.CPU)

    @property
    def is_stored(self) -> bool:
        """True for stored data: waiting alone does not free it."""
        return self in (Limit.ACTIVE, Limit.BYTES)


@dataclass(slots=True)
class _Account:
    """A user's stored data: the last total, and the additions of this process since."""

    known: Stored
    at: float
    """When, on the monotonic clock."""
    took_seconds: float
    active: int = 0
    bytes: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.active or self.bytes)


class Ledger:
    """The counts of one process. Threads may share it; a fork counts for itself."""

    def __init__(self) -> None:
        self._start_over()

    def _start_over(self) -> None:
        self._pid, self._process = os.getpid(), uuid4().hex
        self._lock = threading.Lock()
        self._window = 0
        self._fresh: Counter[Key] = Counter()
        """Of this minute, not yet added up with the others."""
        self._totals: dict[Key, float] = {}
        """Of this minute, of all processes, as they were a moment ago."""
        self._open: Counter[Key] = Counter()
        """A count of 0 stays until the other processes know it."""
        self._elsewhere: dict[Key, int] = {}
        self._accounts: dict[str, _Account] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, user: str) -> Sequence[tuple[Limit, float]]:
        """A request begins; what the user uses of each limit with it."""
        requests, concurrent = (Limit.REQUESTS, user), (Limit.CONCURRENT, user)
        self._attend()
        with self._lock:
            self._turn()
            self._fresh[requests] += 1
            self._open[concurrent] += 1
            made = self._fresh[requests] + self._totals.get(requests, 0)
            now = self._open[concurrent] + self._elsewhere.get(concurrent, 0)
        return (Limit.REQUESTS, made), (Limit.CONCURRENT, now)

    def end(self, user: str) -> None:
        self.close(Limit.CONCURRENT, user)

    def open(self, limit: Limit, user: str) -> float:
        """Something lasting begins; how many the user has with it."""
        self._attend()
        with self._lock:
            self._open[limit, user] += 1
            return self._open[limit, user] + self._elsewhere.get((limit, user), 0)

    def close(self, limit: Limit, user: str) -> None:
        with self._lock:
            self._open[limit, user] -= 1

    def count(self, limit: Limit, user: str, amount: float) -> None:
        self._attend()
        with self._lock:
            self._turn()
            self._fresh[limit, user] += amount  # type: ignore[assignment]  # seconds are no integers

    def used(self, limit: Limit, user: str) -> float:
        """How much of a limit the user uses now."""
        if limit.is_stored:
            return self._sum_stored(limit, user)
        with self._lock:
            self._turn()
            key = (limit, user)
            if limit.is_rate:
                return self._fresh[key] + self._totals.get(key, 0)
            return self._open[key] + self._elsewhere.get(key, 0)

    def store(self, user: str, size_bytes: int, *, starts: bool) -> None:
        """A workflow was stored, and perhaps started."""
        with self._lock:
            account = self._accounts.get(user)
            if account is not None:
                account.active += starts
                account.bytes += size_bytes

    def refresh(self, user: str) -> _Account:
        """Add up what the user has stored. Raises ``Unavailable``."""
        account = self._accounts.get(user)
        before = (account.active, account.bytes) if account else (0, 0)
        begun = time.monotonic()
        known = usage.read_stored(user)
        now = time.monotonic()
        with self._lock:
            if account is None:
                account = self._accounts.setdefault(user, _Account(known, now, now - begun))
            account.known, account.at, account.took_seconds = known, now, now - begun
            account.active -= before[0]
            account.bytes -= before[1]
        return account

    def window_end(self) -> int:
        """When the present minute ends, as a POSIX time."""
        return (int(time.time()) // WINDOW_SECONDS + 1) * WINDOW_SECONDS

    def seconds_left(self) -> int:
        """Of the present minute, at least one."""
        return max(1, self.window_end() - int(time.time()))

    def _sum_stored(self, limit: Limit, user: str) -> float:
        account = self._accounts.get(user) or self.refresh(user)
        if limit is Limit.ACTIVE:
            return account.known.active + account.active
        return account.known.bytes + account.bytes

    def _turn(self) -> None:
        """Starts a new minute with empty counts."""
        window = int(time.time()) // WINDOW_SECONDS
        if window != self._window:
            self._window = window
            self._fresh.clear()
            self._totals.clear()

    def _attend(self) -> None:
        """The thread is there, and awake."""
        if self._thread is not None and self._pid == os.getpid():
            self._wake.set()
            return
        if self._pid != os.getpid():
            self._start_over()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="quotas", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        silent = False
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(FLUSH_SECONDS)
            try:
                with pymongo.timeout(_FLUSH_TIMEOUT_SECONDS):
                    self._flush()
            except Exception as failure:  # noqa: BLE001 - the thread must outlive any fault
                if not silent:
                    log.warning("Quotas are counted in each process alone", error=str(failure))
                silent = True
            else:
                silent = False
            if self._open:
                self._wake.set()

    def _flush(self) -> None:
        with self._lock:
            self._turn()
            window, fresh, counts = self._window, dict(self._fresh), dict(self._open)
        if fresh:
            totals = usage.add(window, {key: amount for key, amount in fresh.items() if amount})
            with self._lock:
                if window == self._window:
                    self._fresh.subtract(fresh)
                    self._fresh += Counter()  # drops what is nought
                    self._totals.update(totals)
        if counts:
            elsewhere = usage.publish(self._process, counts)
            with self._lock:
                for key in [key for key, count in counts.items() if not count]:
                    if not self._open[key]:  # else it was opened since
                        del self._open[key]
                self._elsewhere = {
                    key: count for key, count in elsewhere.items() if key in self._open
                }
        self._renew_accounts()

    def _renew_accounts(self) -> None:
        now = time.monotonic()
        for user, account in list(self._accounts.items()):
            age = now - account.at
            if age > _FORGOTTEN_SECONDS and not account.changed:
                self._accounts.pop(user, None)
            elif account.changed and age > max(_STALE_SECONDS, _SHARE * account.took_seconds):
                self.refresh(user)
