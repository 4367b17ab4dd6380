"""A workflow's history as it goes on: what is recorded, then what comes, until its final state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import pymongo
from flask import Response, request

from app.feed import Dropped, Feed, Subscription
from workflows.errors import Unavailable
from workflows.states import FINAL_WORKFLOW
from workflows.store import events, workflows
from workflows.workflow import Event

BEAT_SECONDS: Final = 15.0
"""A silent stream says so often that it lives; a client that went away is noticed then."""
SEND_SECONDS: Final = 10.0
"""How long one write to a client may take before it is dropped."""
READ_SECONDS: Final = 5.0
_PAGE: Final = 1_000

Batch = list[Event]


def answer(
    feed: Feed, workflow: str, after: int, media_type: str, written: Callable[[Batch], str]
) -> Response:
    """An answer that goes on until the workflow's final state, or until the client is too slow.

    ``written`` makes text of events; of none, a sign of life. Raises ``Unavailable``.
    """
    with ExitStack() as stack:
        subscription = stack.enter_context(feed.subscribed(workflow))
        batches = _followed(subscription, workflow, after)
        response = Response(
            map(written, batches),
            mimetype=media_type,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        response.call_on_close(stack.pop_all().close)
    if socket := request.environ.get("gunicorn.socket"):
        socket.settimeout(SEND_SECONDS)  # else a client that does not read holds its thread
    return response


def _followed(subscription: Subscription, workflow: str, last: int) -> Iterator[Batch]:
    """Ends without a word where it cannot go on: the client comes again and says where it was."""
    try:
        yield []
        while batch := _recorded(workflow, last, _PAGE):
            last = batch[-1].sequence
            yield batch
        with pymongo.timeout(READ_SECONDS):
            row = workflows.get(workflow, {"state": 1, "sequence": 1})
        ended = row["state"] in FINAL_WORKFLOW and row["sequence"] <= last
        while not ended:
            batch = _news(subscription, workflow, last)
            yield batch
            last = batch[-1].sequence if batch else last
            ended = any(map(_is_final, batch))
    except (Dropped, Unavailable):
        return


def _news(subscription: Subscription, workflow: str, last: int) -> Batch:
    """What comes next, in order; where something is missing it is read from MongoDB."""
    taken = subscription.take(BEAT_SECONDS)
    fresh = [event for event in taken if event is not None and event.sequence > last]
    gapless = all(event.sequence == last + 1 + place for place, event in enumerate(fresh))
    return fresh if gapless and None not in taken else _recorded(workflow, last)


def _recorded(workflow: str, last: int, limit: int = 0) -> Batch:
    with pymongo.timeout(READ_SECONDS):
        return events.of_workflow(workflow, last, limit)


def _is_final(event: Event) -> bool:
    return event.subject == "workflow" and event.after in FINAL_WORKFLOW
