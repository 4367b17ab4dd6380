"""Each move of a job is made where its guard holds, and nothing is written where one part does not.

Every move is made through the store's own function that makes it, on a row that is as the table of
moves asks; then once for each part of the guard, with that part of the stored row broken.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from workflows.backends.base import JobReport
from workflows.model import job_moves
from workflows.model.errors import IllegalMove
from workflows.model.job_moves import FINAL_JOB, TRANSITIONS, Fence, Mark, Transition
from workflows.model.states import JobState, WorkflowState
from workflows.model.values import Basis, Job, Outcome, Reused, Workflow
from workflows.reuse.choice import Miss, Missed
from workflows.reuse.inputs import File
from workflows.store import connection, documents
from workflows.store.jobs import (
    failures,
    kills,
    lookups,
    outbox,
    output_search,
    polling,
    reservations,
    rows,
    send_results,
    transitions,
    waiting,
)
from workflows.store.jobs.failures import Findings, Kept
from workflows.store.jobs.outbox import Bounds
from workflows.store.jobs.polling import Watched
from workflows.store.jobs.reservations import Reserved
from workflows.store.mongo import collection
from workflows.store.reuse import lookups as reuse_lookups
from workflows.store.reuse import results as reuse_results
from workflows.store.workflows.changes import Change, Claimed
from workflows.store.workflows.job_writes import job_writes

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
SOON = timedelta(seconds=60)
BOUNDS = Bounds(10, 10, SOON, SOON, 10)
KEY = "wf_1/0/1"
FAILED = JobReport(Outcome.FAILED, PAST, PAST, "failed")
BASIS = Basis("key", "digest", "1", {"/a/b/c.fq": {"file": "c.fq", "uuid": "U", "size": 1}})
REUSED = Reused("wf_0/0/1", "$a", "7", PAST, PAST, "/a/b", "$c")
MISSED = Missed(Miss.DIFFERS, "$why", "params.x", "1", "$2", "wf_0/0/1")
FILE = File("/a/b/$c", "U", 1)
KEPT = Kept(stderr="$the end")
READ: Mapping[str, Any] = {
    "_id": KEY,
    "workflow": "wf_1",
    "step": 0,
    "attempt": 1,
    "owner": "alice@bvbrc",
    "app": "Date",
    "open": True,
    "version": 7,
    "tries": 1,
    "claim": "the claim",
    "sent_at": PAST,
    "due": PAST,
    "kill_due": PAST,
    "results_due": PAST,
    "evidence_due": PAST,
    "evidence_until": PAST,
    "reuse_due": PAST,
    "reuse_until": PAST,
    "seen_due": PAST,
    "absent_after": PAST,
    "looked_at": PAST,
}
"""A row for which every fence holds but ``parked``; its state is still to be said."""
FULL: Mapping[str, Any] = {
    "reason": "before",
    "in_doubt": True,
    "answered": True,
    "refusals": 1,
    "job_id": "before",
    "submitted_at": FUTURE,
    "missing_since": PAST,
    "outcome": "lost",
    "results": {"before": 1},
    "exit_code": 9,
    "cluster_status": "before",
    "evidence": {"tail": "before"},
    "basis": {"key": "before"},
    "reuse_miss": {"why": "before"},
    "outputs_seen": [],
    "reuse_key": "before",
    "kill_reply": "before",
}
"""What else may stand in a row, and is neither read nor written by a guard."""
BROKEN: Mapping[Fence, Mapping[str, Any]] = {
    Fence.CLAIM: {"claim": "another claim"},
    Fence.VERSION: {"version": 8},
    Fence.DUE: {"due": FUTURE},
    Fence.KILL_DUE: {"kill_due": FUTURE},
    Fence.RESULTS_DUE: {"results_due": FUTURE},
    Fence.EVIDENCE_DUE: {"evidence_due": FUTURE},
    Fence.REUSE_DUE: {"reuse_due": FUTURE},
    Fence.REUSE_OVER: {"reuse_until": FUTURE},
    Fence.REUSE_PARKED: {"reuse_due": FUTURE},
    Fence.SEEN_DUE: {"seen_due": FUTURE},
    Fence.PARKED: {"due": FUTURE},
    Fence.GRACE_OVER: {"absent_after": FUTURE},
}
"""What makes each fence fail, and nothing else."""


@pytest.fixture(scope="module", autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    """One database for all: with a new one for each, most of the time would go into that."""
    connection.open_database(mongo_uri, "test_transitions")
    yield
    connection.close_database()
    mongo.drop_database("test_transitions")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    collection(documents.Job).delete_many({})


def stop(job: Job) -> None:
    """What a turn writes whose workflow no longer wants the job."""
    workflow = Workflow("wf_1", job.owner, WorkflowState.RUNNING, (), ())
    before = Claimed(workflow, "wf_1/1", "w", PAST, 0, PAST, None, None)
    change = Change(before, workflow, None, kills=(job,))
    collection(documents.Job).bulk_write(job_writes([change]))


def watched(job: Job, started_at: datetime | None = None) -> Watched:
    return Watched(job.key, job.workflow, "7", job.app, PAST, started_at, None)


def revoke(job: Job) -> None:
    mark = {"key": job.key, "version": job.version, "owner": job.owner}
    reservations.revoke(Reserved("token", PAST, [mark]))


def send(result: Callable[[Job], Any]) -> Callable[[Job], None]:
    def write(job: Job) -> None:
        send_results.record([result(job)])

    return write


def learn(result: Callable[[Job], Any]) -> Callable[[Job], None]:
    def write(job: Job) -> None:
        polling.record([result(job)])

    return write


def served_states(move: Transition) -> tuple[JobState, ...]:
    """States from which the same call makes this move, or another one: ``stop`` makes two."""
    stops = (job_moves.WITHDRAW, job_moves.REQUEST_KILL)
    both = tuple(state for each in stops for state in each.sources)
    return both if move in stops else move.sources


MOVES: Sequence[tuple[Transition, Callable[[Job], object]]] = [
    (job_moves.CLAIM, lambda job: outbox.mark_sending([job], "new claim", BOUNDS)),
    (job_moves.REVOKE_CLAIM, revoke),
    (job_moves.WITHDRAW, stop),
    (job_moves.PARK, lambda job: waiting.park([job.owner])),
    (job_moves.UNPARK, lambda job: waiting.unpark([job.owner])),
    (job_moves.START, send(lambda job: send_results.job_started(job, "7"))),
    (job_moves.START, send(lambda job: send_results.job_started(job, "7", BASIS))),
    (
        job_moves.FINISH,
        send(lambda job: send_results.job_finished(job, Outcome.SUCCEEDED, "", {"a": 1})),
    ),
    (job_moves.REJECT, send(lambda job: send_results.job_rejected(job, "$no"))),
    (job_moves.WITHDRAW_CLAIMED, send(send_results.withdrawn)),
    (job_moves.PUT_BACK, send(lambda job: send_results.unsent(job, "busy", SOON))),
    (
        job_moves.PUT_BACK,
        send(lambda job: send_results.refused_for_now(job, "$busy", SOON)),
    ),
    (job_moves.PUT_BACK, lookups.rerun),
    (job_moves.DOUBT, send(lambda job: send_results.doubtful(job, "lost", SOON, SOON))),
    (job_moves.TAKE_LOOKUP, lambda _: lookups.take(SOON)),
    (job_moves.LOOK_AGAIN, lambda job: lookups.look_again(job, SOON)),
    (job_moves.ADOPT, lambda job: lookups.adopt(job, "7")),
    (job_moves.SEND_AGAIN, lookups.send_again),
    (job_moves.WITHDRAW_ABSENT, lookups.withdraw),
    (job_moves.GIVE_UP, lambda job: lookups.give_up(job, "refused for hours")),
    (job_moves.TAKE_CHECK, lambda _: reuse_lookups.take(SOON, SOON)),
    (job_moves.CHECK_LATER, lambda job: reuse_lookups.look_later(job, SOON)),
    (job_moves.CHECK_LATER, lambda job: reuse_lookups.look_later(job, SOON, BASIS)),
    (job_moves.CHECK_LATER, lambda job: reuse_lookups.announce(job, BASIS)),
    (job_moves.PARK_CHECK, reuse_lookups.park),
    (job_moves.UNPARK_CHECK, lambda job: waiting.unpark([job.owner])),
    (job_moves.REUSE, lambda job: reuse_lookups.record_hit(job, REUSED, "$reused", {"a": "$1"})),
    (job_moves.MISS, lambda job: reuse_lookups.record_miss(job, MISSED, BASIS)),
    (job_moves.MISS, lambda job: reuse_lookups.record_miss(job, MISSED, None)),
    (job_moves.STOP_CHECK, lambda _: reuse_lookups.stop_overdue(MISSED)),
    (job_moves.TAKE_RESULTS, lambda _: reuse_results.take(SOON)),
    (job_moves.NOTE_LATER, lambda job: reuse_results.note_later(job, SOON)),
    (job_moves.NOTE_RESULTS, lambda job: reuse_results.note(job, [FILE], "key")),
    (job_moves.REPORT, learn(lambda job: polling.record_running(watched(job), PAST))),
    (
        job_moves.REPORT,
        learn(lambda job: polling.record_success(watched(job), PAST, PAST, PAST)),
    ),
    (
        job_moves.NOTE,
        learn(lambda job: polling.record_success(watched(job, PAST), PAST, PAST, PAST)),
    ),
    (job_moves.NOTE, learn(lambda job: polling.record_missing(watched(job), PAST))),
    (
        job_moves.END,
        learn(lambda job: polling.record_end(watched(job), Outcome.FAILED, PAST, PAST, "")),
    ),
    (
        job_moves.END,
        learn(lambda job: polling.record_outputs(job, Outcome.SUCCEEDED, "", {"a": 1})),
    ),
    (
        job_moves.END,
        learn(
            lambda job: polling.record_end(
                replace(watched(job), has_basis=True), Outcome.SUCCEEDED, PAST, PAST, ""
            )
        ),
    ),
    (
        job_moves.REPORT,
        learn(lambda job: failures.record_failure(watched(job), PAST, FAILED, SOON)),
    ),
    (
        job_moves.NOTE,
        learn(lambda job: failures.record_failure(watched(job, PAST), PAST, FAILED, SOON)),
    ),
    (job_moves.TAKE_FAILURE, lambda _: failures.take(SOON)),
    (job_moves.ASK_AGAIN, lambda job: failures.ask_again(job, SOON)),
    (
        job_moves.END,
        learn(lambda job: failures.record_reason(job, PAST, "$why", Findings(1, "FAILED", KEPT))),
    ),
    (job_moves.TAKE_SEARCH, lambda _: output_search.take(SOON)),
    (job_moves.EXPLAIN_SEARCH, lambda job: output_search.say(job, "$away")),
    (job_moves.REQUEST_KILL, stop),
    (job_moves.TAKE_KILL, lambda _: kills.take(10, SOON)),
    (job_moves.RETRY_KILL, lambda job: kills.record([(job, "busy", SOON)])),
    (job_moves.CONCLUDE_KILL, lambda job: kills.record([(job, kills.KILLED, None)])),
]
NAMES = [f"{index} {move.name}" for index, (move, _) in enumerate(MOVES)]
BREAKS = [
    pytest.param(move, make, broken, id=f"{name}: {broken}")
    for name, (move, make) in zip(NAMES, MOVES, strict=True)
    for broken in (
        *({"state": str(state)} for state in JobState if state not in served_states(move)),
        *(BROKEN[fence] for fence in move.fence),
    )
]


def put(move: Transition, state: JobState, **fields: Any) -> Job:
    """Store a row that may make the move; answers with the job as it was read."""
    parked: dict[str, Any] = {"due": None} if Fence.PARKED in move.fence else {}
    parked |= {"reuse_due": None} if Fence.REUSE_PARKED in move.fence else {}
    row = {**READ, "state": str(state), **parked, **fields}
    collection(documents.Job).insert_one(row)
    return rows.value(row)


def stored() -> dict[str, Any]:
    return collection(documents.Job).find_one({"_id": KEY}) or {}


def test_every_move_is_made_here() -> None:
    assert {move.name for move, _ in MOVES} == {move.name for move in TRANSITIONS}


@pytest.mark.parametrize(("move", "make"), MOVES, ids=NAMES)
def test_a_move_is_made_where_its_guard_holds(
    move: Transition, make: Callable[[Job], object]
) -> None:
    for state in move.sources:
        collection(documents.Job).delete_many({})
        job = put(move, state)
        before = stored()

        answer = make(job)

        after = stored()
        assert answer is None or answer
        assert after != before
        assert after["state"] == (move.target or state)
        assert after["version"] - before["version"] == (move.mark is not Mark.NONE)
        assert ("changed_at" in after) == (move.mark is Mark.PROCESS)
        assert "kill_due" not in after or move.target not in FINAL_JOB
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert changed <= {*move.fields, "state", "version", "changed_at", "kill_due"}


@pytest.mark.parametrize(("move", "make", "broken"), BREAKS)
def test_nothing_is_written_where_a_part_of_the_guard_is_broken(
    move: Transition, make: Callable[[Job], object], broken: dict[str, Any]
) -> None:
    job = put(move, move.sources[0])
    collection(documents.Job).update_one({"_id": KEY}, {"$set": broken})
    before = stored()

    assert not make(job)

    assert stored() == before


@pytest.mark.parametrize(
    ("move", "make"),
    [each for each in MOVES if each[0].target_if_unwanted],
    ids=[name for name, each in zip(NAMES, MOVES, strict=True) if each[0].target_if_unwanted],
)
def test_what_is_not_wanted_is_not_put_back(
    move: Transition, make: Callable[[Job], object]
) -> None:
    make(put(move, move.sources[0], kill=True))

    row = stored()
    assert row["state"] == "withdrawn"
    assert {"changed_at", "claim"} & set(row) == {"changed_at"}
    assert "kill_due" not in row, "its workflow could never be deleted"


def test_a_move_writes_no_field_that_it_does_not_name() -> None:
    with pytest.raises(IllegalMove, match=r"'park without a token' does not write \['state'\]"):
        transitions.update(job_moves.PARK, {"state": "done"})


@pytest.mark.parametrize("move", TRANSITIONS, ids=[move.name for move in TRANSITIONS])
def test_a_move_writes_every_field_that_it_names(move: Transition) -> None:
    """Of a row that has the field with another value, or has it not."""
    written: set[str] = set()
    makes = [make for each, make in MOVES if each is move]
    changes = [{"$set": FULL}, *({"$unset": {name: ""}} for name in move.fields)]
    for make, state, change in itertools.product(makes, move.sources, changes):
        collection(documents.Job).delete_many({})
        job = put(move, state)
        collection(documents.Job).update_one({"_id": KEY}, change)
        before = stored()
        make(job)
        after = stored()
        written |= {name for name in move.fields if after.get(name) != before.get(name)}

    assert written == set(move.fields)


def test_a_move_names_all_that_its_fence_compares() -> None:
    with pytest.raises(IllegalMove, match=r"is fenced by \['version'\], not \[\]"):
        transitions.guard(job_moves.CLAIM, [KEY])


def test_the_other_jobs_stay_as_they_are() -> None:
    """Each move is made by key, by owner or by a time that has come, and of no other job."""
    other = {**READ, "_id": "wf_2/0/1", "workflow": "wf_2", "owner": "bob@bvbrc"}
    names = (
        *("due", "kill_due", "results_due", "evidence_due"),
        *("reuse_due", "reuse_until", "seen_due"),
    )
    times = dict.fromkeys(names, FUTURE)
    for move, make in MOVES:
        collection(documents.Job).delete_many({})
        job = put(move, move.sources[0])
        before = {**other, **times, "state": job.state}
        collection(documents.Job).insert_one(dict(before))

        make(job)

        assert collection(documents.Job).find_one({"_id": other["_id"]}) == before, move.name
