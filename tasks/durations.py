"""The task that keeps the history of durations."""

from __future__ import annotations

from runtime.bootstrap import engine_context
from tasks.celery import app
from workflows.engine.durations import count_in_turn


@app.task(name="tasks.count_durations")
def count_durations() -> None:
    count_in_turn(engine_context())
