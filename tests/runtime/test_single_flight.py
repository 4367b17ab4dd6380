"""Slow work is done by one thread, and never forgotten."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from runtime.single_flight import SingleFlight


def test_whoever_comes_meanwhile_leaves_and_has_it_done_once_more() -> None:
    alone, begun, may_end, done = SingleFlight(), Event(), Event(), list[str]()

    def slow() -> None:
        begun.set()
        assert may_end.wait(60)
        done.append("slow")

    first = Thread(target=alone.run, args=(slow,))
    first.start()
    assert begun.wait(60)
    alone.run(lambda: done.append("never by the second"))
    assert done == []

    may_end.set()
    first.join(60)

    assert done == ["slow", "slow"]


def test_work_that_fails_keeps_nobody_away() -> None:
    alone, done = SingleFlight(), list[str]()

    with pytest.raises(ZeroDivisionError):
        alone.run(lambda: done.append(str(1 // 0)))
    alone.run(lambda: done.append("again"))

    assert done == ["again"]
