"""How a worker and beat come back to a Redis that was away."""

from __future__ import annotations

import pytest
from kombu import Queue
from kombu.asynchronous import Hub
from kombu.exceptions import OperationalError

from devstack.processes import wait_until
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


def test_events_that_follow_each_other_are_one_message() -> None:
    consumer = app.WorkController(pool="solo").consumer
    consumer.hub = Hub()
    turns = consumer.hub.create_loop()
    with app.connection("memory://") as connection:
        queue = app.events.Receiver(connection).queue.bind(connection.channel())
        queue.declare()
        consumer.event_dispatcher = app.events.Dispatcher(
            connection, buffer_group=["task"], on_send_buffered=consumer.on_send_event_buffered
        )
        for number in range(3):
            consumer.event_dispatcher.send("task-started", uuid=str(number))
            next(turns)
        wait_until(lambda: next(turns) or _size(queue), "they are sent")

        message = queue.get(no_ack=True)
        assert [event["uuid"] for event in message.payload] == ["0", "1", "2"]
        assert queue.get() is None
    consumer.hub.close()
    turns.close()


def _size(queue: Queue) -> int:
    return int(queue.queue_declare(passive=True).message_count)
