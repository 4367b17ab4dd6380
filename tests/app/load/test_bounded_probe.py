"""A question that is never answered holds nobody up."""

from __future__ import annotations

import threading
import time

import pytest

from app.health.bounded_probe import NoAnswer, Probe


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


def test_a_question_that_hangs_is_asked_once_whoever_waits_for_it() -> None:
    asked, go_on = [], threading.Event()

    def hang() -> str:
        asked.append(1)
        go_on.wait(60)
        return "at last"

    probe = Probe(hang, fresh_seconds=60)
    for _ in range(3):
        with pytest.raises(NoAnswer, match=r"no answer for \d"):
            probe.answer(soon(0.01))
    go_on.set()

    assert probe.answer(soon()) == "at last"
    assert asked == [1]


def test_an_answer_is_kept_for_a_moment_and_then_asked_for_again() -> None:
    answers = iter(range(10))
    kept = Probe(lambda: next(answers), fresh_seconds=60)
    assert [kept.answer(soon()), kept.answer(soon())] == [0, 0]

    never_kept = Probe(lambda: next(answers), fresh_seconds=0)

    assert [never_kept.answer(soon()), never_kept.answer(soon())] == [1, 2]


def test_a_failure_is_raised_to_everybody_who_asks() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    probe = Probe(fail, fresh_seconds=60)

    for _ in range(2):
        with pytest.raises(LookupError, match="nothing there"):
            probe.answer(soon())


def test_a_timeout_that_the_question_raised_is_no_missing_answer() -> None:
    def time_out() -> None:
        raise TimeoutError("the server's own")

    with pytest.raises(TimeoutError, match="the server's own"):
        Probe(time_out).answer(soon())


def test_an_answer_that_was_asked_for_before_is_asked_for_again_where_that_is_too_old() -> None:
    answers = iter(range(10))
    kept = Probe(lambda: next(answers), fresh_seconds=60)
    kept.answer(soon())

    since = time.monotonic()

    assert [kept.answer(soon(), since), kept.answer(soon(), since)] == [1, 1]


def test_a_question_that_is_on_its_way_already_is_waited_for_and_asked_again() -> None:
    answers, go_on = iter(["early", "late"]), threading.Event()

    def hang() -> str:
        answer = next(answers)
        go_on.wait(60)
        return answer

    probe = Probe(hang, fresh_seconds=60)
    probe.begin()
    since = time.monotonic()
    with pytest.raises(NoAnswer):
        probe.answer(soon(0.01), since)
    go_on.set()

    assert probe.answer(soon(), since) == "late"
