"""Whose job is sent next."""

from __future__ import annotations

from workflows.rules.fair_share import share

QUEUES = {"ann": ["a1", "a2", "a3"], "bob": ["b1"], "eve": ["e1", "e2"]}


def test_each_user_has_one_in_turn() -> None:
    assert share(9, QUEUES, {}) == ["a1", "b1", "e1", "a2", "e2", "a3"]


def test_who_has_less_under_way_comes_first_in_each_round() -> None:
    assert share(9, QUEUES, {"ann": 5, "bob": 1}) == ["e1", "b1", "a1", "e2", "a2", "a3"]


def test_no_more_are_taken_than_there_are_places() -> None:
    assert share(4, QUEUES, {}) == ["a1", "b1", "e1", "a2"]
    assert share(0, QUEUES, {}) == []
    assert share(-1, QUEUES, {}) == []


def test_nobody_waits_behind_somebodys_thousands() -> None:
    queues = {"ann": [f"a{number}" for number in range(1000)], "zoe": ["z"]}

    assert share(2, queues, {"ann": 30}) == ["z", "a0"]


def test_a_user_has_as_many_in_each_round_as_the_weight_says() -> None:
    assert share(9, QUEUES, {}, {"ann": 2}) == ["a1", "a2", "b1", "e1", "a3", "e2"]


def test_a_weight_counts_for_what_is_under_way() -> None:
    assert share(2, QUEUES, {"ann": 4, "bob": 3}, {"ann": 2}) == ["e1", "a1"]
