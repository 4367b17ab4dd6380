"""What bodies and answers occupy in temporary files: counted, of each address and in all."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from waitress.buffers import OverflowableBuffer

Full = Literal["address", "process", "disk"]
"""What has no room: the share of one address, that of the process, or the disk itself."""


@dataclass(slots=True)
class Spool:
    """Of one process. What stays in memory does not count."""

    most_bytes: int
    most_bytes_of_address: int
    """0: as much as all together, because every connection comes from a proxy."""
    _held: Counter[str] = field(default_factory=Counter)
    _total: int = 0
    _lock: Lock = field(default_factory=Lock)

    def take(self, address: str, size: int) -> Full | None:
        """Counts them, or says whose bound refuses them."""
        with self._lock:
            of_address = self.most_bytes_of_address
            if address and of_address and self._held[address] + size > of_address:
                return "address"
            if self._total + size > self.most_bytes:
                return "process"
            self._held[address] += size
            self._total += size
            return None

    def give_back(self, address: str, size: int) -> None:
        with self._lock:
            self._held[address] -= size
            self._total -= size
            if not self._held[address]:
                del self._held[address]


class Share:
    """What one connection holds of the spool for its answers. Its thread takes, the loop gives
    back."""

    def __init__(self, spool: Spool, address: str) -> None:
        self._spool, self._address = spool, address
        self._size, self._lock = 0, Lock()

    def take(self, size: int) -> Full | None:
        with self._lock:
            full = self._spool.take(self._address, size)
            self._size += 0 if full else size
            return full

    def give_back(self) -> None:
        with self._lock:
            size, self._size = self._size, 0
            if size:
                self._spool.give_back(self._address, size)


class Body(OverflowableBuffer):
    """The body of one request: in memory, then in a temporary file, as long as there is room."""

    full: Full | None = None
    """The bound that it met; nothing of it is kept then."""

    def __init__(self, in_memory_bytes: int, spool: Spool, address: str) -> None:
        super().__init__(in_memory_bytes)
        self._spool, self._address = spool, address
        self._counted = 0

    def append(self, data: bytes) -> None:
        size = len(self) + len(data)
        if size >= self.overflow and self.full is None:
            self.full = self._spool.take(self._address, size - self._counted)
            if self.full is None:
                self._counted = size
        if self.full is None:
            try:
                super().append(data)
            except OSError as error:
                log_unwritable(error)
                self.full = "disk"

    def close(self) -> None:
        """Called by waitress once the request is answered, and for one that never was whole."""
        counted, self._counted = self._counted, 0
        if counted:
            self._spool.give_back(self._address, counted)
        with suppress(OSError):  # what a full disk did not take is tried once more
            super().close()


def log_unwritable(error: OSError) -> None:
    logging.getLogger(__name__).error(
        "A request is refused: temporary files cannot be written: %s", error.strerror
    )
