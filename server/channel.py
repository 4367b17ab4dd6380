"""One connection: waitress reads its requests and sends its answers without a thread."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NoReturn

from waitress.adjustments import Adjustments
from waitress.buffers import OverflowableBuffer
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.task import WSGITask

from server.bounds import IN_MEMORY_BYTES, Progress
from server.refusals import Parser, Refusal, TimedOut, write_refusal
from server.spool import Full, Share, log_unwritable

HUNG_UP = "server.client_hung_up"
"""In a request's environment: tells whether the client has closed its end."""
REQUESTER: Final = "server.requester"
"""In a request's environment: a function that takes the user whose credential was accepted,
and whether that was a session's cookie (``Requesters.learn``)."""


class Task(WSGITask):
    """A request in its thread."""

    def start(self) -> None:
        super().start()
        self.channel.server.count_request()
        if self.channel.server.stopping:
            self.set_close_on_finish()

    def write(self, data: bytes) -> None:
        """Sends the head and the first part together: each system call lets another thread run, and
        this thread then waits for the interpreter.
        """
        if self.wrote_header:
            super().write(data)
            return
        with self.channel.gathered():
            super().write(data)

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[HUNG_UP] = self.channel.has_hung_up
        learn = self.channel.server.task_dispatcher.requesters.learn
        environ[REQUESTER] = partial(learn, self.request.headers)
        return environ


class Channel(HTTPChannel):
    """A connection that knows what it waits for, and since when."""

    task_class = Task
    error_task_class = Refusal
    request: Parser | None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._waits_since = time.monotonic()
        self._answers_since: float | None = None
        self._sent_bytes = 0
        self._had_request = False
        self._gathered: list[bytes] | None = None
        super().__init__(*arguments, **named)
        self._share = Share(self.server.spool, self.server.address_of(self))

    def parser_class(self, adj: Adjustments) -> Parser:
        """waitress calls this for each request."""
        return Parser(adj, self.server.spool, self.server.address_of(self))

    def handle_close(self) -> None:
        """Also gives back what a body occupies that will never be whole; one that is whole belongs
        to the thread that answers it."""
        if self.request is not None:
            self.request.close()
        super().handle_close()
        self._share.give_back()

    def received(self, data: bytes) -> bool:
        before = self.request
        if before is None:
            self._waits_since = time.monotonic()
        found = bool(super().received(data))
        if self.request is not before and before is not None:
            self._waits_since = time.monotonic()
        self._had_request = True
        return found

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Collects the writes of the block and sends them together at its end."""
        parts: list[bytes] = []
        self._gathered = parts
        try:
            yield
        finally:
            self._gathered = None
        self._begin_answer(b"".join(parts))

    def write_soon(self, data: Any) -> int:
        """Further parts, of which few wait: their thread waits while the client is behind."""
        if self._gathered is None:
            return int(super().write_soon(data))
        self._gathered.append(data)
        return len(data)

    def _begin_answer(self, data: bytes) -> None:
        """Hands the head and the first part, mostly all of it, to the loop; refuses what has no
        room."""
        full = self._share.take(len(data)) if len(data) >= IN_MEMORY_BYTES else None
        if full is not None:
            self._refuse(full)
        try:
            super().write_soon(data)
        except ClientDisconnected:
            self._share.give_back()
            raise
        except OSError as error:
            log_unwritable(error)
            self._share.give_back()
            with self.outbuf_lock:
                if self.total_outbufs_len:  # an earlier answer waits in the same buffer
                    self.will_close = True
                    raise ClientDisconnected from None
                self.outbufs[-1] = OverflowableBuffer(self.adj.outbuf_overflow)
            self._refuse("disk")

    def _refuse(self, full: Full) -> NoReturn:
        """Answers that the real answer has no room."""
        self.server.count_refusal("waiting")
        super().write_soon(write_refusal(full))
        raise ClientDisconnected

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self._sent_bytes += sent
        if sent >= self.total_outbufs_len:
            self._answers_since = None
            self._share.give_back()
            self._waits_since = time.monotonic()
        return sent

    def progress(self, now: float) -> Progress | None:
        """What it expects of its client; None while it waits for its thread."""
        if self.total_outbufs_len:
            if self._answers_since is None:
                self._answers_since, self._sent_bytes = now, 0
            return Progress(self._answers_since, self._sent_bytes, "answer")
        if self.requests:
            return None
        return Progress(self._waits_since, *self._phase())

    def _phase(self) -> tuple[int, str]:
        if self.request is None:
            return 0, "idle" if self._had_request else "first"
        if not self.request.headers_finished:
            return 0, "head"
        return self.request.body_bytes_received, "body"

    def time_out(self) -> None:
        """Ends the connection; answers with the reason if the client has begun a request."""
        with self.requests_lock:
            request = self.request
            if self.total_outbufs_len or self.requests or request is None:
                request = None
            else:
                request.error = TimedOut("The request did not arrive in time")
                request.completed = True
                self.requests.append(request)
                self.request = None
        if request is None:
            self.handle_close()
        else:
            self.server.add_task(self)

    def has_hung_up(self) -> bool:
        closed = select.poll()
        try:
            closed.register(self.socket, select.POLLRDHUP)
            return not self.connected or bool(closed.poll(0))
        except ValueError:  # the other thread has just closed it
            return True
