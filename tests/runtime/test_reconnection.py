"""How a worker and beat come back to a Redis that was away."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError

from runtime.reconnection import PAUSE_SECONDS
from tasks.celery import app


def test_the_pause_between_two_attempts_to_connect_does_not_grow() -> None:
    pauses: list[float] = []
    with (
        app.connection("redis://127.0.0.1:1/0") as connection,
        pytest.raises(OperationalError),
    ):
        connection.ensure_connection(lambda _, pause: pauses.append(pause), max_retries=3)

    assert set(pauses) == {PAUSE_SECONDS}


def test_a_worker_waits_for_no_answers_of_other_workers() -> None:
    worker = app.WorkController(pool="solo")
    names = {type(step).__name__ for step in worker.consumer.steps}

    assert names.isdisjoint({"Mingle", "Gossip"})
    assert {"Connection", "Tasks", "Heart", "Control", "Evloop"} <= names
