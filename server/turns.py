"""Whose request is answered next: a decision without threads or clocks.

Requesters take turns. Each holds a share of the threads at most, so that requests that wait for a
slow service leave threads for others. A requester whose answers have lately taken much CPU time
holds one thread while others ask, too: threads that compute delay each other.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Final

HALF_LIFE_SECONDS: Final = 2.0
"""After so long a second of CPU time counts as half of one."""
COSTLY_SECONDS: Final = 0.3
"""CPU time from which on a requester is costly."""
COSTLY_THREADS: Final = 2
"""What all costly requesters together hold while others ask."""
OTHERS_SECONDS: Final = 5.0
"""For so long after the last request of another requester others count as asking."""
MOST: Final = 10_000
"""Requesters whose cost is remembered."""


@dataclass(slots=True)
class _Cost:
    seconds: float
    at: float

    def seconds_at(self, now: float) -> float:
        return float(self.seconds * 0.5 ** ((now - self.at) / HALF_LIFE_SECONDS))


class Turns:
    """Of one lane. Its caller holds a lock, and gives the time of one monotonic clock."""

    def __init__(self, share: int) -> None:
        """``share``: threads that one requester holds at most."""
        self._share = share
        self._waiting: OrderedDict[str, deque[Any]] = OrderedDict()
        """Requests by requester; whose turn comes next is first."""
        self._running: Counter[str] = Counter()
        self._costs: OrderedDict[str, _Cost] = OrderedDict()
        self._asked: OrderedDict[str, float] = OrderedDict()
        """Requesters to when they asked last; the latest is last."""

    @property
    def waits(self) -> bool:
        """Whether any request waits."""
        return bool(self._waiting)

    def add(self, requester: str, request: Any, now: float) -> None:
        self._waiting.setdefault(requester, deque()).append(request)
        self._asked[requester] = now
        self._asked.move_to_end(requester)
        if len(self._asked) > MOST:
            self._asked.popitem(last=False)

    def take(self, now: float) -> tuple[str, Any] | None:
        """The next request, with its requester; None while there is none that may be answered."""
        requester = next((each for each in self._waiting if self._may_take(each, now)), None)
        if requester is None:
            return None
        queue = self._waiting[requester]
        request = queue.popleft()
        self._waiting.move_to_end(requester)
        if not queue:
            del self._waiting[requester]
        self._running[requester] += 1
        return requester, request

    def give_back(self, requester: str, cpu_seconds: float, seconds: float, now: float) -> None:
        """The request was answered, which took so many ``seconds``. Of the CPU time of a long
        stream what it has taken of late counts."""
        cpu_seconds *= min(1.0, HALF_LIFE_SECONDS / seconds) if seconds else 1.0
        self._running[requester] -= 1
        self._running += Counter()  # forgets requesters without a request
        self._costs[requester] = _Cost(self._cost(requester, now) + cpu_seconds, now)
        self._costs.move_to_end(requester)
        if len(self._costs) > MOST:
            self._costs.popitem(last=False)

    def _may_take(self, requester: str, now: float) -> bool:
        held = self._running[requester]
        if held >= self._share:
            return False
        if not self._is_costly(requester, now) or not self._others_ask(requester, now):
            return True
        costly = sum(n for each, n in self._running.items() if self._is_costly(each, now))
        return held == 0 and costly < COSTLY_THREADS

    def _others_ask(self, requester: str, now: float) -> bool:
        latest = next((at for each, at in reversed(self._asked.items()) if each != requester), None)
        return latest is not None and now - latest < OTHERS_SECONDS

    def _is_costly(self, requester: str, now: float) -> bool:
        return self._cost(requester, now) >= COSTLY_SECONDS

    def _cost(self, requester: str, now: float) -> float:
        cost = self._costs.get(requester)
        return cost.seconds_at(now) if cost else 0.0
