"""What is written to jobs and to the outbox's document, besides the guards of the moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.store.guards.stored_rows import (
    ALICE,
    BOB,
    FUTURE,
    MINUTE,
    PAST,
    everything,
    put,
    stored,
)
from workflows.model.states import WorkflowState
from workflows.model.values import Basis, Job, Outcome, Workflow
from workflows.reuse.choice import Miss, Missed
from workflows.reuse.inputs import File
from workflows.rules.concurrency_limit import Observed
from workflows.store import documents
from workflows.store.jobs import (
    duplicates,
    failures,
    kills,
    lookups,
    output_search,
    polling,
    reservations,
    rows,
    send_results,
)
from workflows.store.jobs.polling import Watched
from workflows.store.mongo import collection
from workflows.store.processes import service_status, sweeps
from workflows.store.reuse import lookups as reuse_lookups
from workflows.store.reuse import results as reuse_results
from workflows.store.users import sessions
from workflows.store.workflows.changes import Change, Claimed
from workflows.store.workflows.job_writes import job_writes

COLLECTIONS = (documents.Job, documents.Lock, documents.Service, documents.EndedSession)
BASIS = Basis("key", "digest", "1", {})
MISSED = Missed(Miss.DIFFERS, "$why", "params.x", "1", "", "")


def put_job(key: str = "wf_1/0/1", owner: str = ALICE, **fields: Any) -> Job:
    row = {"workflow": key.split("/", maxsplit=1)[0], "step": 0, "attempt": 1, "owner": owner}
    row |= {"app": "Date", "open": True, "version": 7, "tries": 0, **fields}
    put(documents.Job, _id=key, **row)
    return rows.value(stored(documents.Job, key))


def job_row(key: str = "wf_1/0/1") -> dict[str, Any]:
    return stored(documents.Job, key)


Take = Callable[..., Any]
TAKES: dict[str, tuple[Take, dict[str, Any]]] = {
    "look up": (lambda *barred: lookups.take(MINUTE, (), *barred), {"state": "sending"}),
    "search outputs": (
        lambda *barred: output_search.take(MINUTE, *barred),
        {"state": "active", "results_due": PAST},
    ),
    "ask why": (
        lambda *barred: failures.take(MINUTE, *barred),
        {"state": "active", "evidence_due": PAST, "evidence_until": FUTURE},
    ),
    "look for a result": (
        lambda *barred: reuse_lookups.take(MINUTE, MINUTE, *barred),
        {"state": "checking", "reuse_due": PAST},
    ),
    "note results": (
        lambda *barred: reuse_results.take(MINUTE, *barred),
        {"state": "done", "seen_due": PAST},
    ),
}


@pytest.mark.parametrize("name", TAKES)
def test_a_job_is_taken_of_no_barred_user_and_once(name: str) -> None:
    take, fields = TAKES[name]
    assert take() is None
    put_job(**{"due": PAST, **fields})
    before = job_row()

    assert take([ALICE]) is None
    assert job_row() == before

    taken = take([BOB])
    assert getattr(taken, "job", taken).key == "wf_1/0/1"
    assert take() is None


@pytest.mark.parametrize("name", TAKES)
def test_a_job_that_cannot_be_read_is_put_off(name: str) -> None:
    take, fields = TAKES[name]
    put_job(**{"due": PAST, **fields})
    collection(documents.Job).update_one({}, {"$unset": {"step": ""}})
    before = job_row()

    assert take() is None

    assert job_row() != before


@pytest.mark.parametrize(("until", "last"), [(PAST, True), (FUTURE, False)])
def test_why_a_job_failed_is_asked_for_the_last_time_behind_the_deadline(
    until: Any, *, last: bool
) -> None:
    put_job(state="active", evidence_due=PAST, evidence_until=until, word="w")

    taken = failures.take(MINUTE)

    assert taken is not None
    assert (taken.last_time, taken.word) == (last, "w")


def test_kills_are_taken_of_each_user_and_one_that_cannot_be_read_delays_none() -> None:
    for number, owner in enumerate((ALICE, BOB, ALICE)):
        put_job(f"wf_{number}/0/1", owner, state="active", kill_due=PAST, kill_asks=number)
    collection(documents.Job).update_one({"_id": "wf_2/0/1"}, {"$unset": {"step": ""}})

    assert kills.take(2, MINUTE).keys() == {ALICE, BOB}
    taken = kills.take(9, MINUTE)

    assert taken == {}
    assert [row["kill_asks"] for row in everything(COLLECTIONS)["Job"]] == [1, 2, 3]
    kills.record([])


def test_duplicates_are_noted_taken_and_settled_of_their_own_job() -> None:
    others = [put_job("wf_0/0/1", state="active", surplus=["7"], surplus_due=FUTURE)]
    job = put_job(state="active")
    put_job("wf_2/0/1", state="active", surplus=[], surplus_due=FUTURE)
    before = [job_row(each.key) for each in others]

    duplicates.note(job, ["7"])
    duplicates.note(job, ["7", "8"])
    assert job_row()["surplus"] == ["7", "8"]

    assert [each.key for each in duplicates.take(9, MINUTE)] == [job.key]
    duplicates.settle(job.key, ["7"])
    assert job_row()["surplus"] == ["8"]
    assert [job_row(each.key) for each in others] == before
    duplicates.settle(job.key, ["8"])
    assert "surplus" in job_row("wf_2/0/1")


def test_no_more_duplicates_are_taken_than_asked_for() -> None:
    for key in ("wf_1/0/1", "wf_2/0/1"):
        put_job(key, state="active", surplus=["7"], surplus_due=PAST)

    assert len(duplicates.take(1, MINUTE)) == 1
    assert len(duplicates.take(1, MINUTE)) == 1


def test_a_lock_that_was_not_asked_for_stays_free() -> None:
    polling.take_locks(["other"], -MINUTE)
    before = stored(documents.Lock, "other")

    assert polling.take_locks(["sweep"], MINUTE).keys() == {"sweep"}

    assert stored(documents.Lock, "other") == before
    assert polling.last_taken(["sweep", "unknown"]).keys() == {"sweep"}


def watched(job: Job, **fields: Any) -> Watched:
    return Watched(job.key, job.workflow, "7", job.app, PAST, fields.get("started_at"), None)


def test_what_polls_saw_is_written_to_each_job() -> None:
    first, second = put_job(state="active"), put_job("wf_2/0/1", state="active", missing_since=PAST)
    third = put_job("wf_3/0/1", state="active", missing_since=PAST)

    polling.record(
        [
            polling.record_missing(watched(first), PAST),
            polling.record_missing(watched(second), None),
            polling.record_end(watched(third), Outcome.FAILED, None, FUTURE, "$no"),
        ]
    )
    polling.record([])

    assert job_row()["missing_since"] == PAST
    assert "missing_since" not in job_row(second.key)
    ended = job_row(third.key)
    assert (ended["outcome"], ended["finished_at"], ended["reason"]) == ("failed", FUTURE, "$no")
    assert not {"missing_since", "started_at"} & set(ended)


def test_what_was_started_under_a_lost_claim_is_named_unless_it_is_known() -> None:
    ours = put_job(state="sending", claim="ours")
    lost = put_job("wf_2/0/1", state="sending", claim="lost")
    known = put_job("wf_3/0/1", state="active", claim="known", job_id="9")
    put_back = put_job("wf_4/0/1", state="sending", claim="back")
    for each in (lost, put_back):
        collection(documents.Job).update_one({"_id": each.key}, {"$set": {"claim": "theirs"}})

    stale = send_results.record(
        [
            send_results.job_started(ours, "7", BASIS),
            send_results.job_started(lost, "8"),
            send_results.job_started(known, "9"),
            send_results.unsent(put_back, "$busy", MINUTE),
        ]
    )

    assert [sent.job.key for sent in stale] == [lost.key]
    assert (job_row()["job_id"], job_row()["basis"]["key"]) == ("7", "key")
    assert job_row()["reason"] == ""
    assert "job_id" not in job_row(lost.key)
    assert send_results.record([]) == []
    assert send_results.record([send_results.job_started(ours, "7")]) == []
    assert send_results.known_id(ours) == "7"


def test_jobs_that_start_under_one_claim_keep_what_was_read_before() -> None:
    first = put_job(state="sending", claim="ours", basis={"key": "before", "specification": "1"})
    second = put_job("wf_2/0/1", state="sending", claim="ours")

    send_results.record(
        [send_results.job_started(first, "7"), send_results.job_started(second, "8", BASIS)]
    )

    assert [job_row(each.key)["job_id"] for each in (first, second)] == ["7", "8"]
    assert [job_row(each.key)["basis"]["key"] for each in (first, second)] == ["before", "key"]


def test_a_claim_reserves_what_it_says_and_a_revoked_one_nothing() -> None:
    put(documents.Lock, _id="another", count=0, claims=[], learnt=None)
    book, job = reservations.read(), put_job(state="intended")

    assert reservations.reserve(book, "token", [job], "$user", full=True)

    book = reservations.read()
    assert (book.served, book.count, dict(book.places)) == ("$user", 1, {ALICE: 1})
    [reserved] = book.reserved
    assert reserved.jobs == [{"key": job.key, "version": 7, "owner": ALICE}]
    assert reserved.until > book.now
    assert not book.overdue
    assert stored(documents.Lock, "outbox")["full"] is True

    reservations.revoke(reserved)
    reservations.revoke(reservations.Reserved("empty", PAST, []))
    assert reservations.read().reserved == []
    assert job_row()["version"] == 8

    reservations.pass_over("next")
    reservations.learn(Observed(starts=2), 10, FUTURE)
    reservations.learn(Observed(starts=2), 10)
    assert (reservations.read().served, reservations.read().answered) == ("next", FUTURE)
    another = stored(documents.Lock, "another")
    assert another == {"_id": "another", "count": 0, "claims": [], "learnt": None}


def test_a_claim_whose_time_is_over_is_overdue_and_queries_end() -> None:
    reservations.read()
    claim, query = {"token": "dead", "until": PAST, "jobs": []}, {"token": "dead", "until": PAST}
    live = {"token": "live", "until": FUTURE}
    collection(documents.Lock).update_one(
        {"_id": "outbox"}, {"$set": {"claims": [claim], "queries": [query, live]}}
    )

    book = reservations.read()

    assert [each.token for each in book.overdue] == ["dead"]
    assert book.queries == ["live"]


def test_nothing_is_learnt_before_there_is_a_book() -> None:
    reservations.learn(Observed(starts=2), 10)

    assert everything(COLLECTIONS)["Lock"] == []


def test_what_a_look_for_a_result_read_is_kept_where_it_is_of_use() -> None:
    waits, misses, knows = (
        put_job(f"wf_{n}/0/1", state="checking", reuse_due=PAST, reuse_until=PAST) for n in range(3)
    )

    reuse_lookups.look_later(waits, MINUTE, BASIS)
    assert "reuse_until" not in job_row(waits.key)
    reuse_lookups.look_later(misses, MINUTE)
    assert job_row(misses.key)["reuse_until"] == PAST

    assert reuse_lookups.record_miss(knows, MISSED, BASIS)
    assert not reuse_lookups.record_miss(knows, MISSED, None)
    assert job_row(knows.key)["basis"]["key"] == "key"
    shown = {"why": str(Miss.DIFFERS), "detail": "$why", "field": "params.x", "now": "1"}
    assert set(job_row(knows.key)["reuse_miss"].values()) == set(shown.values())

    assert reuse_lookups.record_miss(waits, MISSED, None)
    assert "basis" not in job_row(waits.key)


def test_look_ups_that_take_too_long_are_stopped_and_no_others() -> None:
    put_job(state="checking", reuse_due=FUTURE, reuse_until=PAST)
    put_job("wf_2/0/1", state="checking", reuse_due=FUTURE, reuse_until=FUTURE)

    assert reuse_lookups.stop_overdue(MISSED) == ["wf_1"]
    assert reuse_lookups.stop_overdue(MISSED) == []

    assert [row["state"] for row in everything(COLLECTIONS)["Job"]] == ["intended", "checking"]


def test_what_a_job_left_is_noted_with_its_key_where_it_may_be_reused() -> None:
    first, second = put_job(state="done", seen_due=PAST), put_job("wf_2/0/1", state="done")

    reuse_results.note(first, [File("/$a", "U", 1)], "key")
    reuse_results.note(second, [], "")

    assert (job_row()["outputs_seen"], job_row()["reuse_key"]) == ([["/$a", "U", 1]], "key")
    assert not {"outputs_seen", "reuse_key", "seen_due"} & set(job_row(second.key))


def acknowledge(seen: Job, **what: tuple[Job, ...]) -> dict[str, Any]:
    workflow = Workflow("wf_1", ALICE, WorkflowState.RUNNING, (), ())
    before = Claimed(workflow, "wf_1/1", "w", PAST, 0, PAST, None, None)
    change = Change(before, workflow, None, seen=(seen,), **what)
    collection(documents.Job).bulk_write(job_writes([change]))
    return job_row(seen.key)


def test_a_change_is_acknowledged_of_the_job_that_was_seen() -> None:
    put_job("wf_0/0/1", state="active", changed_at=PAST)
    seen = put_job(state="active", changed_at=PAST)

    announced = acknowledge(seen, announced=(seen,))
    assert announced["announced"] is True
    assert "changed_at" not in announced
    assert announced["open"] is True, "it goes on"

    settled = acknowledge(seen, settled=(seen,))
    assert not {"changed_at", "open"} & set(settled)

    other = job_row("wf_0/0/1")
    assert (other["changed_at"], other["open"], other.get("announced")) == (PAST, True, None)


def test_a_service_keeps_since_when_it_is_in_a_state() -> None:
    service_status.report("other", "up")
    other = stored(documents.Service, "other")
    service_status.report("appservice", "away", "$no")
    first = service_status.health("appservice")
    service_status.report("appservice", "away", "still")
    second = service_status.health("appservice")
    service_status.report("appservice", "up")

    assert (first.reason, second.reason, second.since) == ("$no", "still", first.since)
    assert service_status.health("appservice").since != first.since
    assert stored(documents.Service, "other") == other


def test_a_session_that_has_ended_is_ended_for_all_and_no_other() -> None:
    sessions.end("first", PAST)
    sessions.end("second", PAST)
    sessions.end("first", FUTURE)

    assert [sessions.has_ended(each) for each in ("first", "second", "third")] == [
        True,
        True,
        False,
    ]
    ends = {row["until"] for row in everything(COLLECTIONS)["EndedSession"]}
    assert ends == {PAST, FUTURE}


def test_of_sweeps_those_of_the_day_before_go_first() -> None:
    put(documents.Lock, _id="another")
    put(documents.Lock, _id="sweep", slowest=[{"at": PAST, "seconds": 99.0}])

    sweeps.record(timedelta(seconds=1))

    assert [sweep.seconds for sweep in sweeps.slowest()] == [1]
    assert stored(documents.Lock, "another") == {"_id": "another"}
