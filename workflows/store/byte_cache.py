"""A cache that is bounded by the size of its values, not by their number.

The values are what users sent: one may take a kilobyte, the next one 16 MiB.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """Keeps the most recently used values. Threads may share it."""

    def __init__(self, load: Callable[[str], tuple[Value, int]], most_bytes: int) -> None:
        """``load`` answers with the value of a key and with the bytes that keeping it takes."""
        self._load = load
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0
        """The total size of the kept values; never more than ``most_bytes``."""

    def __call__(self, key: str) -> Value:
        """The value, loaded where it is not kept. Raises what ``load`` raises."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        value, weight = self._load(key)
        self._keep(key, value, weight)
        return value

    def forget(self, key: str) -> None:
        with self._lock:
            self._drop(key)

    def _keep(self, key: str, value: Value, weight: int) -> None:
        if weight > self._most_bytes:
            return
        with self._lock:
            self._drop(key)
            self._kept[key] = (value, weight)
            self.bytes += weight
            while self.bytes > self._most_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        _, weight = self._kept.pop(key, (None, 0))
        self.bytes -= weight
