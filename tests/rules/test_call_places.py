"""Which calls under way hold a place: those that hang are told from a service that is slow."""

from __future__ import annotations

from collections import Counter

import pytest

from workflows.rules.call_places import MOST_HANGING, Counts

YOUNG = Counts(sending=Counter(ann=3))
SLOW = Counts(sending=Counter(ann=2, bob=2), late=Counter(ann=1, bob=2))
ALL_LATE = Counts(sending=Counter(ann=2, bob=2), late=Counter(ann=2, bob=2))
ONE_PASSED = Counts(
    sending=Counter(ann=2, bob=2), late=Counter(ann=2), passed=Counter(ann=2), hanging=Counter()
)


@pytest.mark.parametrize(
    ("counts", "limit", "queries", "free"),
    [
        (Counts(), 3, 0, 3),
        (Counts(), 0, 0, 0),
        (Counts(), 3, 1, 2),
        (YOUNG, 3, 0, 0),
        (YOUNG, 5, 1, 1),
        (SLOW, 4, 0, 0),  # a service that is slow gets no more
        (ALL_LATE, 4, 0, 1),  # nothing tells: one call will
        (ALL_LATE, 4, 1, 1),  # queries wait for an answer as well
        (ALL_LATE, 9, 0, 5),
        (ONE_PASSED, 4, 0, 2),
        (ONE_PASSED, 2, 0, 0),
    ],
)
def test_calls_that_were_passed_hold_no_place(
    counts: Counts, limit: int, queries: int, free: int
) -> None:
    assert counts.free_places(limit, queries) == free


def test_a_passed_call_holds_a_place_of_its_owner_until_it_hangs() -> None:
    late = {"sending": Counter(ann=1, bob=1), "late": Counter(ann=1), "passed": Counter(ann=1)}
    hang = late | {"hanging": Counter(ann=1), "hanging_passed": Counter(ann=1)}

    assert (Counts(**late).places_of("ann", 2), Counts(**late).places_of("bob", 2)) == (1, 2)
    assert Counts(**hang).places_of("ann", 2) == 2


@pytest.mark.parametrize(
    ("sending", "late", "hanging", "failing", "places"),
    [
        (0, 0, 0, True, 1),
        (1, 0, 0, True, 0),
        (2, 2, 0, True, 1),
        (1, 1, 1, False, 9),  # one by chance
        (2, 2, 2, False, 1),
        (3, 2, 2, False, 0),
        (4, 4, 4, False, 1),
    ],
)
def test_a_user_with_calls_that_hang_or_failed_begins_one_at_a_time(
    sending: int, late: int, hanging: int, *, failing: bool, places: int
) -> None:
    counts = Counts(
        sending=Counter(ann=sending, bob=1),
        late=Counter(ann=late),
        passed=Counter(ann=late),
        hanging=Counter(ann=hanging),
        hanging_passed=Counter(ann=hanging),
    )

    assert counts.places_of("ann", 9 - late + hanging, failing=failing) == places
    assert counts.places_of("ann", 0, failing=failing) <= 0
    assert counts.places_of("bob", 9) == 9


def test_a_user_whose_calls_hang_begins_no_more_of_them() -> None:
    counts = Counts(sending=Counter(ann=MOST_HANGING), hanging=Counter(ann=MOST_HANGING))

    assert (counts.places_of("ann", 9), counts.places_of("bob", 9)) == (0, 9)


@pytest.mark.parametrize(
    ("hanging", "passed", "count"),
    [(1, 1, 0), (2, 0, 0), (2, 2, 2), (4, 3, 4), (MOST_HANGING, 0, 5)],
)
def test_hanging_calls_that_hold_back_others_of_the_user_are_counted(
    hanging: int, passed: int, count: int
) -> None:
    counts = Counts(hanging=Counter(ann=hanging), hanging_passed=Counter(ann=passed))

    assert counts.hold_back("ann") == count


@pytest.mark.parametrize(("under_way", "places"), [(0, 1), (1, 0), (2, 0)])
def test_of_a_users_refused_jobs_one_is_sent_at_a_time(under_way: int, places: int) -> None:
    assert Counts(again=Counter(ann=under_way)).places_of_refused("ann") == places
