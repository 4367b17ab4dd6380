"""Lanes of threads: each kind of request has its own threads, so that none waits for another
kind, and in each lane requesters take turns."""

from __future__ import annotations

import time
from threading import Condition, Thread
from typing import Any, Final, Literal

import structlog

from server.bounds import Bounds
from server.requesters import Requesters
from server.turns import Turns

log = structlog.get_logger(__name__)

Kind = Literal["usual", "live", "large"]

LARGE_BYTES: Final = 1024 * 1024
"""A body from this size on is read into memory one at a time in a process: a hostile one takes
twenty times its size."""
LOOK_SECONDS: Final = 0.25
"""While requests wait, so often it is looked whether one of them may be answered by now: in time a
requester is costly no more, and others have stopped asking."""
DOWNLOADS: Final = "/outputs/file"
"""The end of the paths of routes that send large files."""
STREAMS: Final = ("/log", "/events", "/live")
"""The ends of the paths of routes that go on while a workflow does, if they are asked to."""


def choose_lane(accept: str, query: str, body_bytes: int, path: str = "") -> Kind:
    """Chooses by the head of a request: its Accept header, its query string, the size of its body,
    its path."""
    if body_bytes >= LARGE_BYTES:
        return "large"
    goes_on = "text/event-stream" in accept or "follow" in query
    is_live = path.endswith(DOWNLOADS) or (goes_on and path.endswith(STREAMS))
    return "live" if is_live else "usual"


class Lanes:
    """Threads for each lane, and whose request they answer next."""

    def __init__(self, bounds: Bounds, requesters: Requesters) -> None:
        self.requesters = requesters
        share = max(1, bounds.threads // bounds.shares)
        self._lanes = {
            "usual": Lane("usual", bounds.threads, Turns(share)),
            # What one user may have of these is counted over all processes (quotas.live_streams).
            "live": Lane("live", bounds.live_threads, Turns(bounds.live_threads)),
            "large": Lane("large", 1, Turns(1)),
        }

    def add_task(self, channel: Any) -> None:
        """``channel.requests[0]`` is complete: answer it."""
        request = channel.requests[0]
        headers = request.headers
        accept = headers.get("ACCEPT", "")
        size = request.body_bytes_received
        query, path = ("", "") if request.error else (request.query, request.path)
        requester = self.requesters.find(headers, str(channel.addr[0]) if channel.addr else "")
        self._lanes[choose_lane(accept, query, size, path)].add(requester, channel)


class Lane:
    """Threads that answer requests, in the order of ``Turns``."""

    def __init__(self, name: str, threads: int, turns: Turns) -> None:
        self._turns = turns
        self._changed = Condition()
        for number in range(threads):
            Thread(target=self._answer_all, name=f"{name}-{number}", daemon=True).start()

    def add(self, requester: str, channel: Any) -> None:
        with self._changed:
            self._turns.add(requester, channel, time.monotonic())
            self._changed.notify()

    def _answer_all(self) -> None:
        while True:
            requester, channel = self._take()
            begun, cpu = time.monotonic(), time.thread_time()
            try:
                channel.service()
            except BaseException:
                log.exception("A request broke the server")
            now, cpu = time.monotonic(), time.thread_time() - cpu
            with self._changed:
                self._turns.give_back(requester, cpu, now - begun, now)

    def _take(self) -> tuple[str, Any]:
        """Waits for a request that may be answered."""
        with self._changed:
            while (found := self._turns.take(time.monotonic())) is None:
                self._changed.wait(LOOK_SECONDS if self._turns.waits else None)
            if self._turns.waits:
                self._changed.notify()  # another one may have its turn, too
            return found
