"""What waits in temporary files is counted exactly, however a request ends."""

from __future__ import annotations

import pytest

from server.spool import Body, Share, Spool

SMALL = 100
"""Bytes from which on a body lies in a file."""
ALICE, BOB, CAROL = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.fixture
def spool() -> Spool:
    return Spool(most_bytes=1000, most_bytes_of_address=600)


def body(spool: Spool, address: str, size: int, part: int = 50) -> Body:
    """One that came in parts."""
    found = Body(SMALL, spool, address)
    for begin in range(0, size, part):
        found.append(b"x" * min(part, size - begin))
    return found


def free_bytes(spool: Spool, address: str) -> int:
    """How much more is taken from there."""
    return max(size for size in range(1001) if can_take(spool, address, size))


def can_take(spool: Spool, address: str, size: int) -> bool:
    if spool.take(address, size) is not None:
        return False
    spool.give_back(address, size)
    return True


def test_a_body_in_memory_counts_nothing(spool: Spool) -> None:
    body(spool, ALICE, SMALL - 1)

    assert free_bytes(spool, ALICE) == 600


def test_a_body_in_a_file_counts_with_all_its_bytes_until_it_is_closed(spool: Spool) -> None:
    found = body(spool, ALICE, 450)

    assert (free_bytes(spool, ALICE), free_bytes(spool, BOB)) == (150, 550)
    assert found.getfile().read() == b"x" * 450

    found.close()
    found.close()  # the connection ends, too

    assert (free_bytes(spool, ALICE), free_bytes(spool, BOB)) == (600, 600)


def test_one_address_meets_its_own_bound_and_all_together_theirs(spool: Spool) -> None:
    held = [body(spool, ALICE, 300), body(spool, ALICE, 300)]

    assert body(spool, ALICE, 300).full == "address"
    assert body(spool, BOB, 300).full is None
    assert body(spool, CAROL, 300).full == "process"
    assert body(spool, ALICE, SMALL - 1).full is None
    assert [each.full for each in held] == [None, None]


def test_what_a_refused_body_held_is_free_once_it_is_closed(spool: Spool) -> None:
    found = body(spool, ALICE, 650)
    found.append(b"more")

    assert found.full == "address"
    found.close()
    assert free_bytes(spool, ALICE) == 600


def test_behind_a_proxy_only_the_bound_of_all_holds() -> None:
    assert free_bytes(Spool(most_bytes=1000, most_bytes_of_address=0), ALICE) == 1000


def test_an_answer_counts_until_it_is_given_back(spool: Spool) -> None:
    answers = Share(spool, ALICE)

    assert answers.take(400) is None
    assert answers.take(201) == "address"
    assert answers.take(200) is None
    assert free_bytes(spool, ALICE) == 0

    answers.give_back()
    answers.give_back()

    assert free_bytes(spool, ALICE) == 600
