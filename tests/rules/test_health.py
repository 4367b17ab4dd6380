"""What counts as healthy, judged from plain values."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from workflows.rules import health
from workflows.rules.health import BrokenTask, HealthStatus, Heartbeat, Part, Thresholds

QUEUES = ["advance", "submissions", "polls", "notifications"]
PATIENCE = Thresholds(interval=timedelta(seconds=10), overdue=timedelta(seconds=300))


def seconds(amount: float) -> timedelta:
    return timedelta(seconds=amount)


def worker(seen: float, *queues: str, cut_off: bool = False) -> Heartbeat:
    return Heartbeat("worker", seconds(seen), queues or tuple(QUEUES), cut_off)


@pytest.mark.parametrize(
    ("present", "word", "said"),
    [
        ([worker(1)], HealthStatus.HEALTHY, "1 worker processes consume every queue"),
        ([worker(1), worker(900)], HealthStatus.HEALTHY, "1 worker processes consume every queue"),
        (
            [worker(1, "advance", "polls", "notifications"), worker(2, "submissions")],
            HealthStatus.HEALTHY,
            "2 worker",
        ),
        ([worker(1, "advance", "polls")], HealthStatus.UNHEALTHY, "no worker consumes submissions"),
        (
            [worker(1, "advance", "polls", "submissions")],
            HealthStatus.DEGRADED,
            "no worker consumes notifications",
        ),
        (
            [worker(26), worker(40)],
            HealthStatus.UNHEALTHY,
            "no worker has sent a heartbeat for 26 s",
        ),
        (
            [Heartbeat("beat", seconds(1))],
            HealthStatus.UNHEALTHY,
            "no worker has sent a heartbeat ever",
        ),
    ],
)
def test_a_worker_must_be_there_for_every_queue(
    present: list[Heartbeat], word: HealthStatus, said: str
) -> None:
    part = health.judge_workers(present, QUEUES, PATIENCE)

    assert part.word is word
    assert said in part.message


@pytest.mark.parametrize(
    ("oldest", "word"),
    [(0, HealthStatus.HEALTHY), (300, HealthStatus.HEALTHY), (1e6, HealthStatus.DEGRADED)],
)
def test_messages_to_webhooks_that_wait_are_never_more_than_degraded(
    oldest: float, word: HealthStatus
) -> None:
    part = health.judge_notifications(seconds(oldest), 7, PATIENCE)

    assert part.word is word
    assert part.facts["pending"] == 7


@pytest.mark.parametrize(
    ("seen", "word"),
    [(1.0, HealthStatus.HEALTHY), (26.0, HealthStatus.UNHEALTHY), (None, HealthStatus.UNHEALTHY)],
)
def test_the_sweep_is_the_pulse(seen: float | None, word: HealthStatus) -> None:
    swept = None if seen is None else seconds(seen)

    assert health.judge_sweep(swept, PATIENCE).word is word


def test_one_of_several_beats_suffices() -> None:
    beats = [Heartbeat("beat", seconds(900)), Heartbeat("beat", seconds(3))]

    assert health.judge_beat(beats, PATIENCE).word is HealthStatus.HEALTHY
    assert health.judge_beat(beats[:1], PATIENCE).word is HealthStatus.UNHEALTHY


def test_a_workflow_that_nobody_looks_at_is_a_fault_and_a_slow_outbox_is_not() -> None:
    late = seconds(301)

    assert health.judge_workflows(late, {"running": 1}, PATIENCE).word is HealthStatus.UNHEALTHY
    assert health.judge_outbox(late, {"intended": 1}, PATIENCE).word is HealthStatus.DEGRADED
    parked = health.judge_outbox(seconds(0), {"intended": 3}, PATIENCE, parked=2)
    assert parked.word is HealthStatus.HEALTHY
    assert parked.message == "3 jobs wait, 2 of them for a fresh token of their user"
    assert parked.facts["parked"] == 2
    assert (
        health.judge_workflows(seconds(299), {"running": 1}, PATIENCE).word is HealthStatus.HEALTHY
    )


@pytest.mark.parametrize(
    ("state", "present", "word", "said"),
    [
        ("up", [worker(1)], HealthStatus.HEALTHY, "takes submissions"),
        ("up", [worker(1, cut_off=True)], HealthStatus.DEGRADED, "does not answer 1 worker"),
        ("up", [worker(90, cut_off=True)], HealthStatus.HEALTHY, "takes submissions"),
        ("away", [], HealthStatus.DEGRADED, "away: refused"),
        ("disabled", [], HealthStatus.DEGRADED, "switched submissions off"),
    ],
)
def test_bvbrc_away_is_never_unhealthy(
    state: str, present: list[Heartbeat], word: HealthStatus, said: str
) -> None:
    part = health.judge_service(state, "refused", present, PATIENCE)

    assert part.word is word
    assert said in part.message


def test_the_worst_part_names_the_whole() -> None:
    words = [HealthStatus.HEALTHY, HealthStatus.UNHEALTHY, HealthStatus.DEGRADED]

    assert health.worst_status(Part("p", word, "") for word in words) is HealthStatus.UNHEALTHY
    assert health.worst_status([]) is HealthStatus.HEALTHY


@pytest.mark.parametrize("interval", [0.5, 1, 10, 300])
def test_silence_is_found_out_within_three_intervals(interval: float) -> None:
    assert Thresholds(seconds(interval)).silence < seconds(3 * interval)


def failing(count: int, lasted: float, ago: float = 1) -> BrokenTask:
    return BrokenTask("tasks.start_jobs", "OperationFailure", count, seconds(lasted), seconds(ago))


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (failing(3, 20), HealthStatus.UNHEALTHY),
        (failing(500, 3600), HealthStatus.UNHEALTHY),
        (failing(2, 20), HealthStatus.HEALTHY),
        (failing(16, 2), HealthStatus.HEALTHY),  # one moment in which MongoDB was away
        (failing(3, 20, ago=61), HealthStatus.HEALTHY),
    ],
)
def test_a_task_that_breaks_again_and_again_is_a_fault(
    broken: BrokenTask, word: HealthStatus
) -> None:
    present = replace(worker(1), broken=(broken,))

    part = health.tasks([present, worker(1)], PATIENCE)

    assert part.word is word
    assert ("tasks.start_jobs broke" in part.message) is (word is HealthStatus.UNHEALTHY)


def test_what_a_silent_worker_said_of_its_tasks_is_past() -> None:
    present = replace(worker(900), broken=(failing(3, 20),))

    assert health.tasks([present], PATIENCE).word is HealthStatus.HEALTHY
