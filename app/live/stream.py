"""Streams a workflow's history: the recorded events, then new ones, until its final state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Final

import pymongo
from flask import Response

from app.http import metering
from app.http.client_socket import client_left
from app.live.broadcaster import Broadcaster, Dropped, Subscription
from workflows.model.errors import Unavailable
from workflows.model.states import FINAL_WORKFLOW
from workflows.model.values import Event
from workflows.store.workflows import events

BEAT_SECONDS: Final = 15.0
"""Seconds between two keep-alive lines of a silent stream."""
LOOK_SECONDS: Final = 1.0
"""So often it looks whether its client has gone: who leaves a page leaves a stream behind, and
there are few places."""
READ_SECONDS: Final = 5.0
ALIVE: Final = ": alive\n\n"
ALIVE_EVENT: Final = "event: alive\ndata: 1\n\n"
"""The same for scripts of pages, to which a browser does not show the former."""
_PAGE: Final = 1_000

Batch = list[Event]
Take = Callable[[], list[Event | None]]
"""What is new; empty after ``BEAT_SECONDS`` without news. Raises ``Dropped``."""


def answer(
    broadcaster: Broadcaster,
    workflow: str,
    after: int,
    media_type: str,
    written: Callable[[Batch], str],
) -> Response:
    """A stream until the workflow's final state, or until the client is too slow.

    ``written`` makes text of events; of none, a sign of life. Raises ``Unavailable``.
    """
    return stream_response(
        broadcaster, workflow, media_type, lambda take: map(written, _follow(take, workflow, after))
    )


def stream_response(
    broadcaster: Broadcaster, topic: str, media_type: str, text: Callable[[Take], Iterator[str]]
) -> Response:
    """An answer of the pieces of ``text``, for as long as the client is there.

    ``topic``: a workflow's id, or ``EVERYTHING``. Raises ``Unavailable``,
    ``QuotaExceeded``.
    """
    with ExitStack() as stack:
        stack.enter_context(metering.streaming())
        subscription = stack.enter_context(broadcaster.subscribe(topic))
        response = Response(
            text(partial(_take_events, subscription, client_left())),
            mimetype=media_type,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        response.call_on_close(stack.pop_all().close)
    return response


def _take_events(subscription: Subscription, gone: Callable[[], bool]) -> list[Event | None]:
    until = time.monotonic() + BEAT_SECONDS
    while not (found := subscription.take(LOOK_SECONDS)) and time.monotonic() < until:
        if gone():
            raise Dropped
    return found


def _follow(take: Take, workflow: str, last: int) -> Iterator[Batch]:
    """Ends silently if it cannot go on: the client reconnects with the number of its last event."""
    try:
        yield []
        while batch := _recorded_events(workflow, last, _PAGE):
            last = batch[-1].sequence
            yield batch
        with pymongo.timeout(READ_SECONDS):
            ended = events.is_complete(workflow, last)
        while not ended:
            batch = _find_events(take, workflow, last)
            yield batch
            last = batch[-1].sequence if batch else last
            ended = any(map(_is_final, batch))
    except (Dropped, Unavailable):
        return


def _find_events(take: Take, workflow: str, last: int) -> Batch:
    """The next events, in order; missing ones are read from MongoDB."""
    taken = take()
    fresh = [event for event in taken if event is not None and event.sequence > last]
    gapless = all(event.sequence == last + 1 + place for place, event in enumerate(fresh))
    return fresh if gapless and None not in taken else _recorded_events(workflow, last)


def _recorded_events(workflow: str, last: int, limit: int = 0) -> Batch:
    with pymongo.timeout(READ_SECONDS):
        return events.of_workflow(workflow, last, limit)


def _is_final(event: Event) -> bool:
    return event.subject == "workflow" and event.after in FINAL_WORKFLOW
