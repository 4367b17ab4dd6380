"""The quotas of a user, so that no user delays the others.

``ledger`` counts in this process and knows the totals of all; ``Quotas`` compares with the limits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from app.http.errors import QuotaExceeded
from app.quotas.ledger import Ledger, Limit
from config.sections import Quotas as Limits
from workflows.engine.reports.views import stamp
from workflows.model.values import Json

_SAYS: Final = {
    Limit.REQUESTS: ("requests in this minute", "Send them more slowly."),
    Limit.CPU: ("seconds of checking and planning in this minute", "Send workflows more slowly."),
    Limit.CONCURRENT: ("requests at the same time", "Wait for answers before you ask again."),
    Limit.STREAMS: ("live streams", "Close pages and clients that follow workflows."),
    Limit.ACTIVE: ("workflows that have not ended", "Wait until some have ended, or cancel some."),
    Limit.BYTES: ("stored bytes", "Delete workflows that have ended: DELETE /workflows/{id}."),
}
_SHORT_WAIT_SECONDS: Final = 1


class Quotas:
    """Threads may share it. Every check raises ``QuotaExceeded``."""

    def __init__(self, limits: Limits) -> None:
        self._allowed = {
            Limit.REQUESTS: limits.requests_per_minute,
            Limit.CPU: limits.cpu_seconds_per_minute,
            Limit.CONCURRENT: limits.concurrent_requests,
            Limit.STREAMS: limits.live_streams,
            Limit.ACTIVE: limits.active_workflows,
            Limit.BYTES: limits.stored_bytes,
        }
        self._ledger = Ledger()

    def begin(self, user: str) -> None:
        """A request of the user begins; ``end`` must follow."""
        used = self._ledger.begin(user)
        for limit, amount in used:
            if amount > self._allowed[limit]:
                self._ledger.end(user)
                self._refuse(limit, amount - 1)

    def end(self, user: str) -> None:
        self._ledger.end(user)

    @contextmanager
    def stream(self, user: str) -> Iterator[None]:
        """One live stream, for as long as the block lasts."""
        used = self._ledger.open(Limit.STREAMS, user)
        try:
            if used > self._allowed[Limit.STREAMS]:
                self._refuse(Limit.STREAMS, used - 1)
            yield
        finally:
            self._ledger.close(Limit.STREAMS, user)

    @contextmanager
    def computing(self, user: str) -> Iterator[None]:
        """Checks or plans a workflow of the user; the CPU time of this thread is counted."""
        self.check_computing(user)
        begun = time.thread_time()
        try:
            yield
        finally:
            self._ledger.count(Limit.CPU, user, time.thread_time() - begun)

    def check_computing(self, user: str) -> None:
        """Whether more may be computed for the user in this minute."""
        used = self._ledger.used(Limit.CPU, user)
        if used >= self._allowed[Limit.CPU]:
            self._refuse(Limit.CPU, used)

    def computed(self, user: str, seconds: float) -> None:
        """Counts seconds that another process computed for the user."""
        self._ledger.count(Limit.CPU, user, seconds)

    def check_active(self, user: str) -> None:
        """Whether the user may start another workflow."""
        self._check_stored(user, (Limit.ACTIVE,))

    def check_stored(self, user: str, *, starts: bool) -> None:
        """Whether the user may store another workflow, and start it."""
        self._check_stored(user, (Limit.BYTES, Limit.ACTIVE) if starts else (Limit.BYTES,))

    def refuse_batch(self, unfinished: int, allowed: int) -> None:
        """Refuses a further batch of a user who has so many."""
        message = f"{unfinished} of {allowed} batches that have not ended are used"
        way_out = "Wait until some have ended, or cancel some."
        raise QuotaExceeded("unfinished_batches", message, way_out)

    def refuse_webhook(self, allowed: int) -> NoReturn:
        """Refuses a further webhook of a user who has so many."""
        message = f"{allowed} of {allowed} webhooks are used"
        raise QuotaExceeded("webhooks", message, "Delete one that you no longer need.")

    def refuse(
        self, limit: str, message: str, way_out: str, retry_seconds: int | None = None
    ) -> NoReturn:
        """Refuses what a user has too many of. ``retry_seconds``: None: only the user can make
        room."""
        raise QuotaExceeded(limit, message, way_out, retry_seconds)

    def stored(self, user: str, size_bytes: int, *, starts: bool) -> None:
        """Counts a stored workflow of the user."""
        self._ledger.store(user, size_bytes, starts=starts)

    def usage(self, user: str) -> dict[str, Json]:
        """Limit to ``{used, allowed, resets_at?}``."""
        self._ledger.refresh(user)
        return {str(limit): self._describe_use(limit, user) for limit in Limit}

    def _check_stored(self, user: str, limits: tuple[Limit, ...]) -> None:
        for limit in limits:
            if self._ledger.used(limit, user) >= self._allowed[limit]:
                self._ledger.refresh(user)  # some may have ended since
                used = self._ledger.used(limit, user)
                if used >= self._allowed[limit]:
                    self._refuse(limit, used)

    def _describe_use(self, limit: Limit, user: str) -> dict[str, Json]:
        used = self._ledger.used(limit, user)
        shown: dict[str, Any] = {"used": round(used, 3), "allowed": self._allowed[limit]}
        if limit.is_rate:
            resets = datetime.fromtimestamp(self._ledger.window_end(), UTC)
            shown["resets_at"] = stamp(resets)
        return shown

    def _refuse(self, limit: Limit, used: float) -> None:
        what, way_out = _SAYS[limit]
        message = f"{round(used, 3):.15g} of {self._allowed[limit]} {what} are used"
        wait = self._ledger.seconds_left() if limit.is_rate else _SHORT_WAIT_SECONDS
        raise QuotaExceeded(str(limit), message, way_out, None if limit.is_stored else wait)
