"""A Celery application whose task does nothing: ``celery -A benchmarks.tools.nothing worker``."""

from __future__ import annotations

from celery import Celery

TASK = "benchmarks.tools.nothing"
app = Celery("nothing")
app.config_from_object("celeryconfig")


@app.task(name=TASK)
def nothing() -> None:
    """Costs a message and nothing else."""
