"""What many threads want written at once, one of them writes for all, and each learns its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import pytest

from workflows.store.group_commit import GroupCommit


class Writer:
    """Keeps what it was given; the first call waits until it is let go."""

    def __init__(self, outcomes: Callable[[str], Exception | None] = lambda _: None) -> None:
        self.batches: list[list[str]] = []
        self.called, self.go = Event(), Event()
        self._outcomes = outcomes

    def __call__(self, items: Sequence[str]) -> list[Exception | None]:
        self.batches.append([*items])
        self.called.set()
        assert self.go.wait(30)
        return [self._outcomes(item) for item in items]


def gather(together: GroupCommit[str], writer: Writer, items: str) -> list[Future[None]]:
    """The first item's write is under way when the others come; then it goes on."""
    with ThreadPoolExecutor(len(items)) as pool:
        calls = [pool.submit(together, items[0])]
        assert writer.called.wait(30)
        for count, item in enumerate(items[1:], 1):
            calls.append(pool.submit(together, item))
            until(lambda count=count: together.waiting == count)
        writer.go.set()
    return calls


def until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not condition():
        assert monotonic() < deadline
        sleep(0.001)


def test_who_comes_alone_goes_alone() -> None:
    writer = Writer()
    writer.go.set()
    together = GroupCommit(writer, most=10)

    together("a")
    together("b")

    assert writer.batches == [["a"], ["b"]]


def test_what_gathers_meanwhile_goes_together_and_in_order() -> None:
    writer = Writer()

    calls = gather(GroupCommit(writer, most=10), writer, "abcd")

    assert writer.batches == [["a"], ["b", "c", "d"]]
    assert [call.exception() for call in calls] == [None] * 4


def test_no_more_go_together_than_may() -> None:
    writer = Writer()

    gather(GroupCommit(writer, most=2), writer, "abcdef")

    assert writer.batches == [["a"], ["b", "c"], ["d", "e"], ["f"]]


def test_each_learns_what_became_of_its_own() -> None:
    writer = Writer(lambda item: KeyError(item) if item in "bd" else None)

    calls = gather(GroupCommit(writer, most=10), writer, "abcde")

    met = [call.exception() for call in calls]
    assert [str(each) if each else "" for each in met] == ["", "'b'", "", "'d'", ""]


@pytest.mark.parametrize("failure", [OSError("away"), SystemExit()])
def test_what_all_of_them_met_is_raised_to_each_and_the_next_go_on(failure: BaseException) -> None:
    writer = Writer()

    def fails(items: Sequence[str]) -> list[Exception | None]:
        outcomes = writer(items)
        if "b" in items:
            raise failure
        return outcomes

    together = GroupCommit(fails, most=2)
    calls = gather(together, writer, "abcd")

    assert [call.exception() for call in calls] == [None, failure, failure, None]
    together("e")
    assert writer.batches[-1] == ["e"]
