"""Which messages a worker that is cut off sends on, and for how long."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import task_received

from devstack.processes import wait_until
from runtime.forwarding import MOST_HOPS, ForwardingTask, Reach
from runtime.forwarding import reach as of_process
from workflows.backends.breakers import FAILURES, PROBE_SECONDS, RECENT_SECONDS, Breakers
from workflows.model.errors import NotSent, Unauthorized, Unavailable

STARTS, POLLS, SWEEP = "tasks.start_jobs", "tasks.poll_jobs", "tasks.advance_active_workflows"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(clock)


@pytest.fixture
def reach(breakers: Breakers) -> Reach:
    found = Reach()
    found.watch(breakers)
    return found


def fail(breakers: Breakers, owner: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(NotSent), breakers.call(owner):
            raise NotSent("no route")


def cut_off_from(reach: Reach) -> set[str]:
    return {task for task in (STARTS, POLLS, SWEEP) if reach.is_cut_off(task)}


def test_a_worker_that_reaches_everything_forwards_nothing(reach: Reach) -> None:
    assert cut_off_from(reach) == set()


def test_without_mongodb_no_task_can_do_its_work(reach: Reach) -> None:
    reach.mongodb_away.set()
    assert cut_off_from(reach) == {STARTS, POLLS, SWEEP}

    reach.mongodb_away.clear()
    assert cut_off_from(reach) == set()


def test_one_failed_call_leaves_starts_to_others_for_a_while(
    reach: Reach, breakers: Breakers, clock: Clock
) -> None:
    fail(breakers, "alice")
    assert cut_off_from(reach) == {STARTS}

    clock.now += RECENT_SECONDS
    assert cut_off_from(reach) == set()


def test_a_call_that_is_answered_ends_it_at_once(reach: Reach, breakers: Breakers) -> None:
    fail(breakers, "alice")
    with pytest.raises(Unauthorized), breakers.call("alice"):
        raise Unauthorized("the token has ended")

    assert cut_off_from(reach) == set()


@pytest.mark.parametrize("owners", [["alice"], ["alice", "bob"]])
def test_queries_are_forwarded_but_for_probes(
    reach: Reach, breakers: Breakers, clock: Clock, owners: list[str]
) -> None:
    for owner in owners:
        fail(breakers, owner, FAILURES)
    assert cut_off_from(reach) == {STARTS, POLLS}

    clock.now += PROBE_SECONDS
    assert cut_off_from(reach) == {STARTS}


@pytest.fixture
def without_mongodb() -> Iterator[None]:
    of_process.mongodb_away.set()
    yield
    of_process.mongodb_away.clear()


@pytest.mark.usefixtures("without_mongodb")
def test_a_task_that_mongodb_does_not_answer_logs_no_traceback(
    redis_uri: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk of MongoDB fails each task of each sweep: one line of each is enough."""
    app = Celery("away", broker=redis_uri, set_as_current=False, task_cls=ForwardingTask)
    app.conf.worker_hijack_root_logger = False
    ran: list[object] = []

    @app.task(name="read")
    def read() -> None:
        ran.append(1)
        raise Unavailable("MongoDB cannot be used now")

    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        read.delay()
        wait_until(lambda: bool(ran), "the message is run")

    assert "A task ends early" in capsys.readouterr().out
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.usefixtures("without_mongodb")
def test_where_all_workers_are_cut_off_a_message_is_run_after_a_few_hops(redis_uri: str) -> None:
    app = Celery("hops", broker=redis_uri, set_as_current=False, task_cls=ForwardingTask)
    received: list[object] = []
    ran: list[str] = []

    def note(request: object, **_: object) -> None:
        received.append(request)

    @app.task(name="remember")
    def remember(word: str) -> None:
        ran.append(word)

    task_received.connect(note)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        remember.delay("once")
        wait_until(lambda: bool(ran), "the message is run")
    task_received.disconnect(note)

    assert ran == ["once"]
    assert len(received) == MOST_HOPS + 1
