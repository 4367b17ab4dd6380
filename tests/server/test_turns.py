"""Whose request is answered next, without threads."""

from __future__ import annotations

import pytest

from server.turns import (
    COSTLY_SECONDS,
    COSTLY_THREADS,
    HALF_LIFE_SECONDS,
    MOST,
    OTHERS_SECONDS,
    Turns,
)

SHARE = 4


def add(turns: Turns, requester: str, count: int = 1, now: float = 0.0) -> None:
    for number in range(count):
        turns.add(requester, f"{requester}{number}", now)


def take_all(turns: Turns, now: float = 0.0) -> list[str]:
    """The requests that may be answered at the same time, in their order."""
    taken = []
    while found := turns.take(now):
        taken.append(found[1])
    return taken


def make_costly(turns: Turns, requester: str, now: float = 0.0) -> None:
    add(turns, requester, now=now)
    assert turns.take(now) == (requester, f"{requester}0")
    turns.give_back(requester, 10 * COSTLY_SECONDS, 0.1, now)


def test_a_requester_holds_its_share_and_leaves_the_other_threads() -> None:
    turns = Turns(SHARE)
    add(turns, "a", 60)
    assert take_all(turns) == ["a0", "a1", "a2", "a3"]

    add(turns, "b")

    assert take_all(turns) == ["b0"]
    turns.give_back("a", 0, 0.1, 0)
    assert take_all(turns) == ["a4"]
    assert turns.waits


def test_requesters_take_turns() -> None:
    turns = Turns(SHARE)
    add(turns, "a", 3)
    add(turns, "b", 2)
    add(turns, "c", 1)

    assert take_all(turns) == ["a0", "b0", "c0", "a1", "b1", "a2"]
    assert not turns.waits


def test_a_costly_requester_holds_one_thread_while_others_ask() -> None:
    turns = Turns(SHARE)
    make_costly(turns, "a")
    add(turns, "b")
    add(turns, "a", 3)

    assert take_all(turns) == ["b0", "a0"]
    turns.give_back("a", 0, 0.1, 0)
    assert take_all(turns) == ["a1"]


def test_a_costly_requester_alone_holds_its_share() -> None:
    turns = Turns(SHARE)
    make_costly(turns, "a")
    add(turns, "a", 9)
    assert take_all(turns) == ["a0", "a1", "a2", "a3"]

    for _ in range(SHARE):
        turns.give_back("a", COSTLY_SECONDS, 0.1, 0)
    add(turns, "b")
    assert take_all(turns) == ["a4", "b0"]

    later = OTHERS_SECONDS + 1  # b has gone
    turns.give_back("a", 10 * COSTLY_SECONDS, 0.1, later)
    assert take_all(turns, later) == ["a5", "a6", "a7", "a8"]


def test_all_costly_requesters_together_hold_few_threads() -> None:
    turns = Turns(SHARE)
    costly = [f"costly{number}-" for number in range(COSTLY_THREADS + 3)]
    for each in costly:
        make_costly(turns, each)
    for each in costly:
        add(turns, each, 2)
    add(turns, "b", 2)

    assert sorted(take_all(turns)) == sorted([*(f"{each}0" for each in costly[:2]), "b0", "b1"])
    turns.give_back(costly[0], 0, 0.1, 0)
    assert take_all(turns) == [f"{costly[2]}0"]


def test_what_a_requester_cost_is_forgotten() -> None:
    turns = Turns(SHARE)
    make_costly(turns, "a")
    later = 5 * HALF_LIFE_SECONDS
    add(turns, "b", now=later)
    add(turns, "a", 2, now=later)

    assert take_all(turns, later) == ["b0", "a0", "a1"]


@pytest.mark.parametrize(("seconds", "together"), [(1.0, COSTLY_THREADS), (3600.0, 4)])
def test_of_a_long_stream_the_cpu_time_of_late_counts(seconds: float, together: int) -> None:
    """All streams end at once, where MongoDB fails over, and are opened again."""
    turns, users = Turns(SHARE), ["a", "b", "c", "d"]
    for user in users:
        add(turns, user)
        assert turns.take(0.0)
        turns.give_back(user, 10 * COSTLY_SECONDS, seconds, 0.0)

    for user in users:
        add(turns, user)

    assert len(take_all(turns)) == together


def answer(turns: Turns, requester: str, cpu_seconds: float = 0.0, now: float = 0.0) -> None:
    add(turns, requester, now=now)
    assert turns.take(now)
    turns.give_back(requester, cpu_seconds, 0.1, now)


def test_the_latest_request_of_another_tells_whether_others_ask() -> None:
    turns, later = Turns(SHARE), OTHERS_SECONDS + 1
    for requester, now in (("b", 0.0), ("c", 0.0), ("b", later)):
        answer(turns, requester, now=now)
    make_costly(turns, "a", now=later)

    add(turns, "a", 3, now=later)

    assert take_all(turns, now=later + 1) == ["a0"]


def test_of_ten_thousand_requesters_the_last_ones_are_remembered() -> None:
    turns = Turns(SHARE)
    for costly in ("a", "b"):
        answer(turns, costly, 10 * COSTLY_SECONDS)
    for number in range(MOST - 2):
        answer(turns, f"other{number}")
    answer(turns, "b")

    for number in range(2):
        answer(turns, f"more{number}")

    add(turns, "a", 2)
    add(turns, "b", 2)
    assert take_all(turns) == ["a0", "b0", "a1"]
    assert len(turns._costs) == len(turns._asked) == MOST
