"""Throttles addresses that show bad tokens; genuine tokens always pass."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from app.http.errors import TooManyFailures

REMEMBERED: Final = 10_000
"""Addresses; the one that failed longest ago is forgotten first."""


@dataclass(slots=True)
class Throttle:
    """A bucket for each address: ``burst`` failures at once, then ``per_second``."""

    burst: int
    per_second: float
    now: Callable[[], float] = time.monotonic
    _failures: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    """Address to (failures that still count, when that was)."""
    _lock: Lock = field(default_factory=Lock)

    def record_failure(self, address: str) -> None:
        with self._lock:
            self._failures[address] = (self._counting(address) + 1, self.now())
            self._failures.move_to_end(address)
            if len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def wait_seconds(self, address: str) -> int:
        """How long until the address may fail again; 0: at once."""
        if address not in self._failures:
            return 0
        with self._lock:
            above = self._counting(address) + 1 - self.burst
        return math.ceil(above / self.per_second) if above > 0 else 0

    def refuse_or_count(self, address: str) -> None:
        """Counts a failure. Raises ``TooManyFailures`` where there were too many before it."""
        if blocked := self.wait_seconds(address):
            raise TooManyFailures(blocked)
        self.record_failure(address)

    def _counting(self, address: str) -> float:
        failures, at = self._failures.get(address, (0.0, 0.0))
        return max(0.0, failures - (self.now() - at) * self.per_second)
