"""Streams a batch: its counts whenever they have changed, until it has ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Final

import pymongo
from flask import Response

from app.http.routes import EVENT_STREAM
from app.live.broadcaster import EVERYTHING, Broadcaster, Dropped
from app.live.stream import ALIVE, READ_SECONDS, Take, stream_response
from workflows.engine.batches import commands as batches
from workflows.engine.batches import views as batch_views
from workflows.model.errors import NotFound, Unavailable
from workflows.model.states import FINAL_WORKFLOW
from workflows.store.batches.stored import StoredBatch

PAUSE_SECONDS: Final = 1.0
"""However much happens, a batch is counted so seldom."""


def answer(broadcaster: Broadcaster, batch: StoredBatch, alive: str = ALIVE) -> Response:
    """Raises ``Unavailable``, ``QuotaExceeded``."""
    return stream_response(
        broadcaster, EVERYTHING, EVENT_STREAM, lambda take: _follow(take, batch, alive)
    )


def _follow(take: Take, batch: StoredBatch, alive: str) -> Iterator[str]:
    """Ends silently if it cannot go on; the client reconnects."""
    seen: dict[str, Any] = {}
    try:
        while True:
            with pymongo.timeout(READ_SECONDS):
                shown = batch_views.whole(batches.reload(batch))
            yield _event(shown) if shown != seen else alive
            seen = shown
            if shown["status"] in FINAL_WORKFLOW:
                return
            if take():
                time.sleep(PAUSE_SECONDS)
    except (Dropped, Unavailable, NotFound):
        return


def _event(shown: dict[str, Any]) -> str:
    return f"event: batch\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n"
