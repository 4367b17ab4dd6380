"""The task that advances batches."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.bootstrap import engine_context
from tasks.advance import follow
from tasks.celery import app
from workflows.engine.batches.advance import advance_batch


@app.task(name="tasks.advance_batches")
def advance_batches(batch_ids: Sequence[str]) -> None:
    """Make and restart workflows of these batches, as far as they have room."""
    for batch in batch_ids:
        follow(advance_batch(engine_context(), batch))
