"""Lanes of threads: each kind of request has its own threads, so that none waits for another
kind."""

from __future__ import annotations

from typing import Any, Final, Literal

from waitress.task import ThreadedTaskDispatcher

from server.bounds import Bounds

Lane = Literal["usual", "live", "large"]

LARGE_BYTES: Final = 1024 * 1024
"""A body from this size on is read into memory one at a time in a process: a hostile one takes
twenty times its size."""


DOWNLOADS: Final = "/outputs/file"
"""The end of the paths of routes that send large files."""


def choose_lane(accept: str, query: str, body_bytes: int, path: str = "") -> Lane:
    """Chooses by the head of a request: its Accept header, its query string, the size of its body,
    its path."""
    if body_bytes >= LARGE_BYTES:
        return "large"
    is_live = "text/event-stream" in accept or "follow" in query or path.endswith(DOWNLOADS)
    return "live" if is_live else "usual"


class Lanes:
    """waitress's dispatcher of tasks, once for each lane."""

    def __init__(self, bounds: Bounds) -> None:
        threads = {"usual": bounds.threads, "live": bounds.live_threads, "large": 1}
        self._lanes = {name: ThreadedTaskDispatcher() for name in threads}
        for name, count in threads.items():
            self._lanes[name].set_thread_count(count)

    def add_task(self, channel: Any) -> None:
        """``channel.requests[0]`` is complete: answer it."""
        request = channel.requests[0]
        accept = request.headers.get("ACCEPT", "")
        size = request.body_bytes_received
        query, path = ("", "") if request.error else (request.query, request.path)
        self._lanes[choose_lane(accept, query, size, path)].add_task(channel)
