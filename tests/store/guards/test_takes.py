"""What is taken is what was asked for: no more, of no other backend, and once an interval."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.store.guards.stored_rows import ALICE, BOB, MINUTE, PAST, everything, put, stored
from workflows.model.values import APPSERVICE
from workflows.rules.concurrency_limit import Observed
from workflows.store import documents
from workflows.store.jobs import duplicates, kills, lookups, polling, reservations, rows, waiting


def put_job(key: str, owner: str = ALICE, **fields: Any) -> None:
    row = {"workflow": key.partition("/")[0], "step": 0, "attempt": 1, "app": "Date", "version": 1}
    put(documents.Job, _id=key, owner=owner, created_at=PAST, params={}, **row, **fields)


def test_no_more_kills_are_taken_than_asked_for() -> None:
    for key in ("wf_1/0/1", "wf_2/0/1"):
        put_job(key, state="active", kill_due=PAST)

    taken = [kills.take(1, MINUTE) for _ in range(3)]

    assert [sum(map(len, each.values())) for each in taken] == [1, 1, 0]


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({}, "wf_1/0/1"),
        ({"backends": ["other"]}, "wf_2/0/1"),
        ({"backends": [APPSERVICE]}, "wf_1/0/1"),
        ({"backends": ["none"]}, None),
        ({"barred": [ALICE]}, "wf_2/0/1"),
        ({"barred": [ALICE, BOB]}, None),
    ],
)
def test_a_look_up_is_of_the_backends_and_users_that_were_asked_for(
    asked: dict[str, Any], taken: str | None
) -> None:
    put_job("wf_1/0/1", state="sending", claim="c", due=PAST, backend=APPSERVICE)
    put_job("wf_2/0/1", BOB, state="sending", claim="c", due=PAST + MINUTE, backend="other")

    job = lookups.take(MINUTE, **asked)

    assert (job.key if job else None) == taken


def test_a_lock_is_taken_once_an_interval() -> None:
    assert polling.take_locks(["sweep"], MINUTE).keys() == {"sweep"}
    before = stored(documents.Lock, "sweep")

    assert polling.take_locks(["sweep", "other"], -MINUTE).keys() == {"other"}
    assert stored(documents.Lock, "sweep") == before
    assert polling.take_locks(["sweep", "other"], MINUTE).keys() == {"other"}


def test_a_job_whose_duplicates_are_all_dead_has_none() -> None:
    put_job("wf_1/0/1", state="active", surplus=["7", "8"], surplus_due=PAST)

    duplicates.settle("wf_1/0/1", ["7", "8"])

    assert not {"surplus", "surplus_due"} & set(stored(documents.Job, "wf_1/0/1"))


def test_of_two_claims_that_read_the_same_book_one_reserves() -> None:
    reservations.create()
    book = reservations.read()

    assert reservations.reserve(book, "first", [], ALICE)
    before = stored(documents.Lock, "outbox")
    assert not reservations.reserve(book, "second", [], BOB)

    assert stored(documents.Lock, "outbox") == before
    assert [each.token for each in reservations.read().reserved] == ["first"]


def test_queries_that_were_announced_since_the_book_was_read_end_the_claim() -> None:
    reservations.create()
    book = reservations.read()

    reservations.announce_queries("waits")

    assert not reservations.reserve(book, "first", [], ALICE)


@pytest.mark.parametrize("after", [timedelta(0), timedelta(milliseconds=1)])
def test_a_change_of_the_very_time_of_a_pause_is_discarded(after: timedelta) -> None:
    put_job("wf_1/0/1", state="active", open=True, changed_at=PAST + after)

    rows.discard_changes("wf_1", PAST)

    assert ("changed_at" in stored(documents.Job, "wf_1/0/1")) is bool(after)


def test_only_jobs_in_the_outbox_of_these_users_are_parked() -> None:
    jobs = {"mine": {}, "sent": {"state": "sending"}, "of another": {"owner": BOB}}
    for key, fields in jobs.items():
        put_job(key, **{"state": "intended", "due": PAST, **fields})

    waiting.park([])
    waiting.park([ALICE])

    assert {key for key in jobs if "due" in stored(documents.Job, key)} == {"sent", "of another"}


def test_of_two_processes_that_learn_at_once_both_are_heard() -> None:
    reservations.create()

    class Overtaken(Observed):
        """Another process learns between the reading of the limit and its writing."""

        def believed(self, answered: datetime | None) -> Observed:
            if "learnt" not in stored(documents.Lock, "outbox"):
                reservations.learn(Observed(starts=3), 10)
            return super().believed(answered)

    reservations.learn(Overtaken(starts=2), 10)

    row = stored(documents.Lock, "outbox")
    assert (row["learnt"], row["limit"]["starts"]) == (2, 5)


def test_only_jobs_of_these_users_are_due_again() -> None:
    for owner in (ALICE, BOB):
        put_job(f"{owner} sends", owner, state="intended")
        put_job(f"{owner} checks", owner, state="checking")

    assert waiting.unpark([]) == 0
    assert waiting.unpark([ALICE]) == 2

    jobs = everything([documents.Job])["Job"]
    due = {row["_id"] for row in jobs if "due" in row or "reuse_due" in row}
    assert due == {f"{ALICE} sends", f"{ALICE} checks"}
