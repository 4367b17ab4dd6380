"""What is on the way is counted once: what a claim reserved and what it has marked since."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.store.guards.stored_rows import ALICE, BOB, FUTURE, PAST, put
from workflows.rules.concurrency_limit import ConcurrencyLimit
from workflows.rules.holds import Scope
from workflows.store import documents
from workflows.store.jobs import calls, outbox
from workflows.store.jobs.outbox import Bounds
from workflows.store.mongo import clock, collection

SECOND = timedelta(seconds=1)
LIMIT = ConcurrencyLimit(limit=4, latency=1.0, start_seconds=9.0, starts=9)
LATE, HANGS = LIMIT.late_after, LIMIT.hangs_after


def put_job(key: str, owner: str = ALICE, **fields: Any) -> None:
    put(documents.Job, _id=f"{key}/0/1", owner=owner, **{"state": "sending", **fields})


def put_book(**fields: Any) -> None:
    put(documents.Lock, _id="outbox", **{"count": 1, "limit": LIMIT.stored(), **fields})


def reserved(token: str, *owners: str, until: datetime = FUTURE) -> dict[str, Any]:
    jobs = [{"key": owner, "version": 0, "owner": owner} for owner in owners]
    return {"token": token, "until": until, "jobs": jobs}


def test_the_first_question_makes_the_document() -> None:
    view = calls.read()

    assert (view.book.count, view.counts.calls, view.holds) == (0, 0, [])
    assert collection(documents.Lock).find_one({"_id": "outbox"})


def test_a_job_that_its_claim_has_marked_is_counted_once() -> None:
    put_book(claims=[reserved("ours", ALICE, BOB)])
    put_job("wf_1", claim="ours", sent_at=FUTURE)
    put_job("wf_2", claim="before", sent_at=FUTURE)
    put_job("wf_3", BOB, claim="before", sent_at=FUTURE)

    counts = calls.read().counts

    assert dict(counts.sending) == {ALICE: 2, BOB: 2}
    assert dict(counts.under_way) == {ALICE: 2, BOB: 2}


def test_what_is_in_doubt_may_be_at_appservice_and_holds_no_place() -> None:
    put_book()
    put_job("wf_1", claim="before", sent_at=PAST, in_doubt=True)
    put_job("wf_2", claim="another", sent_at=PAST, in_doubt=True)
    put_job("wf_3", claim="third", sent_at=FUTURE, in_doubt=False)

    counts = calls.read().counts

    assert (counts.sending[ALICE], counts.under_way[ALICE], counts.late[ALICE]) == (1, 3, 0)


def test_jobs_at_appservice_count_for_the_users_that_were_asked_for() -> None:
    put_book()
    for number, (owner, state) in enumerate(
        (
            (ALICE, "active"),
            (ALICE, "active"),
            (BOB, "active"),
            (ALICE, "done"),
            (ALICE, "intended"),
        )
    ):
        put_job(f"wf_{number}", owner, state=state)

    assert dict(calls.read([ALICE]).counts.under_way) == {ALICE: 2}
    assert dict(calls.read().counts.under_way) == {}
    assert calls.read([ALICE]).counts.calls == 0


@pytest.mark.parametrize(
    ("age", "answered", "late", "hanging", "passed", "hanging_passed"),
    [
        (timedelta(0), None, 0, 0, 0, 0),
        (LATE + SECOND, None, 1, 0, 0, 0),
        (HANGS + SECOND, None, 1, 1, 0, 0),
        (LATE + SECOND, FUTURE, 1, 0, 1, 0),
        (HANGS + SECOND, FUTURE, 1, 1, 1, 1),
        (HANGS + SECOND, PAST, 1, 1, 0, 0),
    ],
)
def test_a_call_is_late_and_hangs_and_is_passed_by_a_later_one(  # noqa: PLR0917 - one case
    age: timedelta,
    answered: datetime | None,
    late: int,
    hanging: int,
    passed: int,
    hanging_passed: int,
) -> None:
    put_book(**({"answered": answered} if answered else {}))
    put_job("wf_1", claim="before", sent_at=clock() - age)

    counts = calls.read().counts

    found = (counts.late, counts.hanging, counts.passed, counts.hanging_passed)
    assert [each[ALICE] for each in found] == [late, hanging, passed, hanging_passed]


def test_holds_are_read_at_the_same_time_where_they_are_asked_for() -> None:
    put_book()
    row = {"target": ALICE, "mode": "hold", "reason": "r", "by": "root", "created_at": PAST}
    put(documents.Hold, _id="h1", scope="user", **row)
    put(documents.Hold, _id="h2", scope="user", until=PAST, **row)
    put_job("wf_1", claim="before", sent_at=FUTURE)

    view = calls.read(with_holds=True)

    assert [(hold.id, hold.scope) for hold in view.holds] == [("h1", Scope.USER)]
    assert view.counts.sending[ALICE] == 1
    assert calls.read().holds == []


BOUNDS = Bounds(10, 10, SECOND, SECOND, 10, adaptive=True)


def test_nothing_is_claimed_while_everything_is_held() -> None:
    put_book(claims=[reserved("dead", ALICE, until=PAST)])
    row = {"target": "", "mode": "hold", "reason": "r", "by": "root", "created_at": PAST}
    put(documents.Hold, _id="h1", scope="global", **row)
    put_job("wf_1", state="intended", due=PAST, version=1)

    assert outbox.claim(9, BOUNDS).jobs == ()

    book = collection(documents.Lock).find_one({"_id": "outbox"})
    assert book is not None
    assert book["claims"] == [], "a claim whose process is gone ends all the same"


@pytest.mark.parametrize(
    ("token", "sending", "free"),
    [
        ("first", 3, True),
        ("second", 2, True),
        ("second", 3, False),
        ("none", 0, True),
        ("none", 1, False),
    ],
)
def test_a_query_finds_a_place_behind_those_that_were_announced_before(
    token: str, sending: int, *, free: bool
) -> None:
    queries = [{"token": each, "until": FUTURE} for each in ("first", "second")]
    put_book(queries=queries)
    for number in range(sending):
        put_job(f"wf_{number}", claim=f"c{number}", sent_at=FUTURE)

    assert outbox.room_for_query(token, 9).free is free
    assert not outbox.room_for_query(token, sending).free
