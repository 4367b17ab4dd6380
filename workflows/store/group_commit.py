"""Group commit: of many threads that write at the same time, one writes for all.

A statement costs a client as much as all other work of a small request. So items that arrive during
a statement are collected and written as the next one. There is no timer: a lone item is written at
once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
_LEAD: Final = True


class GroupCommit(Generic[Item]):
    """Threads may share it. Call it with what is to be written."""

    def __init__(
        self, write: Callable[[Sequence[Item]], Sequence[BaseException | None]], *, most: int
    ) -> None:
        """``write`` gets at most ``most`` items; it says of each what it met, or raises what all of
        them met."""
        self._write = write
        self._most = most
        self._lock = Lock()
        self._led = False
        self._waiting: deque[tuple[Item, Future[bool]]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait until the write that is under way has ended."""
        return len(self._waiting)

    def __call__(self, item: Item) -> None:
        """Returns when the item is written; raises what its writing met."""
        turn: Future[bool] = Future()
        with self._lock:
            self._waiting.append((item, turn))
            first = not self._led
            self._led = True
        if first or turn.result() is _LEAD:
            self._lead()

    def _lead(self) -> None:
        """Writes what waits; our own item is the first of it. Then the next one leads."""
        with self._lock:
            count = min(len(self._waiting), self._most)
            batch = [self._waiting.popleft() for _ in range(count)]
        outcomes = self._outcomes([item for item, _ in batch])
        self._hand_over()
        for (_, turn), outcome in zip(batch[1:], outcomes[1:], strict=True):
            if outcome is None:
                turn.set_result(not _LEAD)
            else:
                turn.set_exception(outcome)
        if outcomes[0] is not None:
            raise outcomes[0]

    def _outcomes(self, items: Sequence[Item]) -> Sequence[BaseException | None]:
        try:
            return self._write(items)
        except BaseException as failure:  # noqa: BLE001 - raised to each of those who wait for it
            return [failure] * len(items)

    def _hand_over(self) -> None:
        with self._lock:
            following = self._waiting[0][1] if self._waiting else None
            self._led = following is not None
        if following:
            following.set_result(_LEAD)
