"""A worker that is cut off from MongoDB or AppService forwards its messages to other workers.

Redis serves the workers that wait in turn. Of two workers one may therefore get every sweep and the
other one every message that a sweep sends: if that one is cut off, nothing is sent or polled
(``tests/reliability/test_failover.py``). The next in turn after a worker that takes a message and
sends it again is another worker. Where all are cut off, the message is run after a few hops.
"""

from __future__ import annotations

from threading import Event
from typing import Any, Final

import structlog
from celery import Task
from kombu.exceptions import OperationalError

from workflows.backends.breakers import Breakers
from workflows.model.errors import Unavailable

log = structlog.get_logger(__name__)

MOST_HOPS: Final = 2
_HOPS: Final = "hops"
_QUERIES: Final = frozenset(
    {"tasks.poll_jobs", "tasks.poll_young_jobs", "tasks.resolve_jobs", "tasks.kill_jobs"}
)


class Reach:
    """What this process cannot reach."""

    def __init__(self) -> None:
        self.mongodb_away = Event()
        """Set by a task that MongoDB did not answer; the heartbeat clears it once MongoDB answers.
        """
        self._breakers = Breakers()

    def watch(self, breakers: Breakers) -> None:
        """The breakers of this process."""
        self._breakers = breakers

    def starts_fail(self) -> bool:
        """Whether a call of AppService has just failed here, for one user at least. Another worker
        may succeed, and each failure keeps a job back."""
        return self._breakers.opened or bool(self._breakers.failing())

    def is_cut_off(self, task: str) -> bool:
        """Whether this task cannot do its work here. Queries go through as probes now and then."""
        if self.mongodb_away.is_set():
            return True
        if task == "tasks.start_jobs":
            return self.starts_fail()
        return task in _QUERIES and self._queries_fail()

    def _queries_fail(self) -> bool:
        breakers = self._breakers
        return (breakers.opened and not breakers.lets_probe()) or bool(breakers.barred())


reach: Final = Reach()


class ForwardingTask(Task):  # type: ignore[type-arg]
    """Runs in this process or sends its message again."""

    throws = (Unavailable,)
    """MongoDB is away: Celery logs no traceback, for each task that finds it so."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        hops = int((self.request.headers or {}).get(_HOPS, 0))
        if (
            hops < MOST_HOPS
            and reach.is_cut_off(self.name)
            and self._forward(args, options, hops + 1)
        ):
            return None
        try:
            return self.run(*args, **options)
        except Unavailable as away:
            reach.mongodb_away.set()
            log.warning("A task ends early, and its work is found again", error=str(away))
            raise

    def _forward(self, args: Any, options: Any, hops: int) -> bool:
        try:
            self.apply_async(args, options, headers={_HOPS: str(hops)})
        except OperationalError as away:
            log.warning("A message cannot be forwarded", task=self.name, error=str(away))
            return False
        log.info("A message is forwarded", task=self.name, hops=hops)
        return True
