"""The claim of jobs to send: what it costs, whom it serves, that the caps are exact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.processes import wait_until
from tests.shared import ROOT
from workflows.backends.builtin.declaration import BUILTIN
from workflows.model.values import Job
from workflows.rules.concurrency_limit import FIRST, Observed
from workflows.store import connection, documents
from workflows.store.jobs import outbox, reservations, waiting
from workflows.store.jobs.outbox import Bounds, Troubled
from workflows.store.mongo import collection

HOUR = timedelta(hours=1)
PAST = datetime(2026, 1, 1, tzinfo=UTC)
MANY = Bounds(1000, 1000, HOUR, HOUR, 1000)


@pytest.fixture(autouse=True)
def open_store(mongo_uri: str, database: str) -> Iterator[None]:
    connection.open_database(mongo_uri, database)
    yield
    connection.close_database()


def bounds(**fields: int) -> Bounds:
    known = {"user_jobs": 1000, "user_sending": 1000, "sending": 1000} | fields
    return Bounds(lookup_after=HOUR, absent_after=HOUR, **known)


def users(count: int, *, tokens: bool = True) -> list[str]:
    """Names of users, who have tokens or not."""
    names = [f"{'user' if tokens else 'parked'}{at:05}@bvbrc" for at in range(count)]
    if tokens:
        collection(documents.Credential).insert_many(
            [{"_id": name, "expires_at": datetime.now(UTC) + HOUR} for name in names]
        )
    return names


def put(owners: Sequence[str], each: int = 1, **fields: Any) -> None:
    """``each`` jobs of these users wait to be sent, or are where ``fields`` say."""
    collection(documents.Job).insert_many(
        [
            {
                "_id": f"{owner}-{fields.get('state', 'intended')}-{fields.get('app', '')}{at}/0/1",
                "workflow": f"{owner}-{at}",
                "step": 0,
                "attempt": 1,
                "owner": owner,
                "app": "Date",
                "state": "intended",
                "version": 0,
                "open": True,
                "due": PAST + timedelta(seconds=at),
                **fields,
            }
            for owner in owners
            for at in range(each)
        ]
    )


def claim(free: int, bounds: Bounds, backends: Sequence[str] = ()) -> list[Job]:
    return list(outbox.claim(free, bounds, backends).jobs)


def finish(jobs: Sequence[Job]) -> None:
    collection(documents.Job).delete_many({"_id": {"$in": [job.key for job in jobs]}})


def in_state(state: str) -> int:
    return collection(documents.Job).count_documents({"state": state})


def test_a_thousand_users_with_a_waiting_job_are_served() -> None:
    put(users(1001))

    assert len(claim(8, MANY)) == 8


def test_every_user_is_served_once_before_anybody_twice() -> None:
    put(users(40), each=3)
    served: Counter[str] = Counter()

    for round_ in range(1, 4):
        for _ in range(10):
            claimed = claim(4, MANY)
            served.update(job.owner for job in claimed)
            finish(claimed)
        assert set(served.values()) == {round_}


def test_a_user_with_thousands_hides_nobody() -> None:
    first, *others = users(4)
    put([first], each=2000)
    put(others)

    assert {job.owner for job in claim(4, MANY)} == {first, *others}


def test_few_users_share_all_places() -> None:
    put(users(2), each=50)

    served = Counter(job.owner for job in claim(32, MANY))

    assert set(served.values()) == {16}


def test_the_longest_waiting_job_of_a_user_goes_first() -> None:
    put(users(1), each=20)

    assert [job.workflow[-2:] for job in claim(2, MANY)] == ["-0", "-1"]


def test_users_without_a_token_are_met_once_and_come_back_with_one() -> None:
    parked = users(700, tokens=False)
    put(parked)
    put(users(1))

    assert [job.owner for job in claim(8, MANY)] == ["user00000@bvbrc"]
    assert waiting.users_after("", 8, datetime.now(UTC)).users == {}
    assert collection(documents.Job).count_documents({"state": "intended", "due": None}) == 700

    collection(documents.Credential).insert_one(
        {"_id": parked[5], "expires_at": datetime.now(UTC) + HOUR}
    )
    assert waiting.unpark_usable() == 1
    assert [job.owner for job in claim(8, MANY)] == [parked[5]]


def test_more_users_than_one_question_reads_are_gone_through_by_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "_PAGES", 2)
    put(users(1000), due=datetime.now(UTC) + HOUR)  # they wait for another try
    collection(documents.Job).update_one({"owner": "user00900@bvbrc"}, {"$set": {"due": PAST}})

    wait_until(lambda: claim(1, MANY) != [], "the one job that is due is found")


def test_a_users_caps_and_that_of_all_hold() -> None:
    owners = users(5)
    put(owners, each=10)
    put(owners[:1], each=3, state="active")

    claimed = claim(100, bounds(user_jobs=4, user_sending=3, sending=12))

    assert len(claimed) == 12
    assert Counter(job.owner for job in claimed)[owners[0]] == 1
    assert max(Counter(job.owner for job in claimed).values()) == 3


def test_submissions_in_doubt_hold_no_place() -> None:
    [owner] = users(1)
    put([owner], each=4, state="sending", in_doubt=True)
    put([owner], each=9)

    assert len(claim(4, bounds(user_sending=4, sending=4))) == 4


def test_submissions_in_doubt_may_be_jobs_at_bvbrc_and_count_as_such() -> None:
    [owner] = users(1)
    put([owner], each=4, state="sending", in_doubt=True)
    put([owner], each=9)

    assert len(claim(9, bounds(user_jobs=6))) == 2


def test_steps_that_the_engine_runs_are_found_among_many_of_appservice() -> None:
    owners = users(3)
    put(owners, each=600)
    put(owners[1:2], app="CreateGroup", backend=BUILTIN, due=datetime.now(UTC))

    assert [job.app for job in claim(8, MANY, [BUILTIN])] == ["CreateGroup"]


def test_claims_of_many_at_once_keep_the_caps() -> None:
    owners = users(6)
    put(owners, each=30)
    exact = bounds(user_jobs=3, sending=13)

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: claim(5, exact), range(40)))

    def claim_again() -> bool:
        """Places of what two claims had chosen are free again a moment after them."""
        claims.append(claim(5, exact))
        return in_state("sending") == 13

    wait_until(claim_again, "all places are taken")
    claims.append(claim(5, exact))

    keys = [job.key for claimed in claims for job in claimed]
    assert len(keys) == len(set(keys)) == in_state("sending") == 13
    assert max(Counter(job.owner for claimed in claims for job in claimed).values()) <= 3


def test_a_claim_that_counted_before_another_one_reserves_nothing() -> None:
    put(users(1), each=2)
    book = reservations.read()
    claim(1, MANY)

    assert not reservations.reserve(book, "late", [], "")


def test_a_revoked_claim_marks_nothing() -> None:
    put(users(1))
    [job] = waiting.first_jobs({"user00000@bvbrc": [waiting.Part()]}, 1, ())
    book = reservations.read()
    reservations.reserve(book, "slow", [job], job.owner)
    [reserved] = reservations.read().reserved

    reservations.revoke(reserved)

    assert outbox.mark_sending([job], "slow", MANY) == set()
    assert reservations.read().reserved == []


QUIET = Observed(starts=48, start_seconds=33.0, queries=[0.01] * 5)
ADAPTIVE = replace(MANY, sending=9, adaptive=True)


def learn_that_many_are_borne(ceiling: int = 9) -> None:
    """The limit reaches the ceiling."""
    reservations.read()
    assert reservations.reserve(reservations.read(), "full", [], "", full=True)
    reservations.release("full")
    for _ in range(20):
        reservations.learn(QUIET, ceiling)


def test_the_adaptive_limit_holds_for_all_processes_together() -> None:
    put(users(2), each=20)

    at_first = len(claim(20, ADAPTIVE))
    learn_that_many_are_borne()

    assert at_first == FIRST
    assert len(claim(20, ADAPTIVE)) == 9 - FIRST
    assert reservations.observed_limit().calls == 9


def test_time_outs_of_several_users_that_one_process_sees_halve_the_limit_of_all() -> None:
    learn_that_many_are_borne()
    reservations.learn(Observed(overloads={"ann": 1, "bob": 1}), ceiling=9)
    put(users(1), each=20)

    assert len(claim(20, ADAPTIVE)) == 4


def test_time_outs_of_calls_that_a_later_answer_has_passed_leave_the_limit_to_all() -> None:
    learn_that_many_are_borne()
    began = reservations.read().now
    lost = [("ann", began), ("bob", began)]
    later_call = began + timedelta(seconds=1)

    reservations.learn(Observed(starts=1), 9, answered=later_call)
    reservations.learn(Observed(lost=lost), 9)
    assert reservations.observed_limit().calls == 9, "another process has seen the answer"

    reservations.learn(Observed(lost=[(owner, later_call) for owner, _ in lost]), 9)
    assert reservations.observed_limit().calls == 4


def test_starts_leave_a_place_to_queries_that_were_announced_and_not_withdrawn() -> None:
    learn_that_many_are_borne()
    put(users(1), each=20)
    reservations.announce_queries("mine")

    assert len(claim(20, ADAPTIVE)) == 8
    assert outbox.room_for_query("mine", 9).free

    reservations.withdraw_queries("mine")
    assert len(claim(20, ADAPTIVE)) == 1
    assert not outbox.room_for_query("", 9).free


def test_queries_that_came_first_go_first() -> None:
    reservations.read()
    for token in ("first", "second"):
        reservations.announce_queries(token)

    assert [outbox.room_for_query(each, 9).free for each in ("first", "second")] == [True, False]


WIDE = replace(ADAPTIVE, sending=32)


def begin_before(seconds: int) -> None:
    """The calls under way began so much earlier."""
    earlier = [{"$set": {"sent_at": {"$subtract": ["$sent_at", 1000 * seconds]}}}]
    collection(documents.Job).update_many({"state": "sending"}, earlier)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_calls_that_hang_hold_no_place_once_a_later_one_was_answered(count: int) -> None:
    learn_that_many_are_borne()
    *hung, other = users(count + 1)
    put(hung, each=20)
    assert len(claim(20, ADAPTIVE)) == 9
    begin_before(60)
    put([other], each=3)
    assert [job.owner for job in claim(1, WIDE)] == [other]
    [probe] = collection(documents.Job).find({"owner": other, "state": "sending"})
    assert claim(20, WIDE) == [], "a second call before the first one tells"

    reservations.learn(Observed(starts=1), 9, answered=probe["sent_at"])
    collection(documents.Job).delete_one({"_id": probe["_id"]})

    claimed = claim(20, WIDE)
    assert Counter(job.owner for job in claimed)[other] == 2


def test_a_slow_service_gets_one_call_more_at_a_time() -> None:
    learn_that_many_are_borne()
    put(users(2), each=20)
    assert len(claim(20, ADAPTIVE)) == 9
    begin_before(60)

    assert len(claim(20, WIDE)) == 1
    assert claim(20, WIDE) == []


def test_a_user_with_several_calls_that_hang_begins_one_at_a_time() -> None:
    learn_that_many_are_borne()
    hung, other = users(2)
    put([hung], each=20)
    assert len(claim(2, ADAPTIVE)) == 2
    begin_before(60)
    put([other])
    [answered] = claim(1, ADAPTIVE)
    reservations.learn(Observed(starts=1), 9, answered=answered.sent_at)
    finish([answered])

    assert [job.owner for job in claim(20, ADAPTIVE)] == [hung]
    assert claim(20, ADAPTIVE) == []
    begin_before(60)
    assert [job.owner for job in claim(20, ADAPTIVE)] == [hung]


def test_a_user_whose_last_call_failed_begins_one_at_a_time() -> None:
    failing, other = users(2)
    put([failing, other], each=3)
    one_at_a_time = Troubled(failing=frozenset({failing}))

    claimed = outbox.claim(20, MANY, troubled=one_at_a_time).jobs

    assert Counter(job.owner for job in claimed) == {failing: 1, other: 3}
    assert outbox.claim(20, MANY, troubled=one_at_a_time).jobs == ()
    assert len(claim(20, MANY)) == 2


def test_refused_jobs_of_a_user_go_one_at_a_time_beside_others_of_that_user() -> None:
    """Jobs that no outage has refused, a built-in step for example, do not wait for these."""
    refused, other = users(2)
    put([refused, other], each=3)
    jobs = collection(documents.Job)
    again = [row["_id"] for row in jobs.find({"owner": refused}).limit(2)]
    jobs.update_many({"_id": {"$in": again}}, {"$set": {"refusals": 1}})
    jobs.update_many({"owner": other}, {"$set": {"refusals": 1}})
    troubled = Troubled(refused=frozenset({refused}))

    claimed = outbox.claim(20, MANY, troubled=troubled).jobs

    assert Counter(job.owner for job in claimed) == {refused: 2, other: 3}
    assert sum(job.refusals for job in claimed if job.owner == refused) == 1
    assert outbox.claim(20, MANY, troubled=troubled).jobs == ()
    assert len(claim(20, MANY)) == 1


def test_jobs_that_were_not_refused_do_not_wait_behind_refused_ones() -> None:
    [user] = users(1)
    put([user], each=40)
    jobs = collection(documents.Job)
    jobs.update_many({}, {"$set": {"refusals": 1}})
    put_later = jobs.find_one_and_update(
        {}, [{"$set": {"refusals": 0}}], sort=[("due", -1), ("_id", -1)]
    )
    troubled = Troubled(refused=frozenset({user}))
    [again] = outbox.claim(1, MANY, troubled=troubled).jobs

    [fresh] = outbox.claim(1, MANY, troubled=troubled).jobs

    assert (again.refusals, fresh.key) == (1, put_later["_id"])
    assert outbox.claim(20, MANY, troubled=troubled).jobs == ()


@pytest.mark.parametrize("place", ["for all", "for some", "for one user", "for the unbarred"])
def test_a_claim_says_whether_it_has_emptied_the_outbox(place: str) -> None:
    put(users(2), each=3)
    barred = Troubled(barred=frozenset({"user00000@bvbrc"}))
    claims = {
        "for all": lambda: outbox.claim(20, MANY),
        "for some": lambda: outbox.claim(4, MANY),
        "for one user": lambda: outbox.claim(20, bounds(user_sending=2)),
        "for the unbarred": lambda: outbox.claim(20, MANY, troubled=barred),
    }

    claimed = claims[place]()

    assert claimed.empties == (len(claimed.jobs) == 6)


def test_a_claim_that_takes_as_many_as_it_can_has_not_seen_the_last() -> None:
    put(users(1), each=30)

    assert not outbox.claim(20, MANY).empties
    assert outbox.claim(20, MANY).empties
    assert outbox.claim(20, MANY).empties, "there was none"


STANDS_STILL = """
import os, signal, sys
from pymongo import monitoring
from tests.engine.jobs.test_claims import bounds
from workflows.store import connection, documents
from workflows.store.jobs import outbox

class StopOnce(monitoring.CommandListener):
    awaited = None
    def started(self, event):
        if event.command.get("update") == sys.argv[3] and self.awaited is None:
            self.awaited = event.request_id
    def succeeded(self, event):
        if event.request_id == self.awaited:
            os.kill(os.getpid(), signal.SIGSTOP)
    def failed(self, event): pass

monitoring.register(StopOnce())
connection.open_database(sys.argv[1], sys.argv[2])
outbox.claim(4, bounds(sending=4))
"""


@pytest.mark.parametrize("after", ["locks", "jobs"], ids=["it reserved", "it marked"])
@pytest.mark.parametrize("then", [signal.SIGKILL, signal.SIGCONT], ids=["killed", "stopped"])
def test_a_process_that_stands_still_inside_a_claim_holds_up_nobody_for_long(
    mongo_uri: str, database: str, after: str, then: signal.Signals
) -> None:
    put(users(3), each=10)
    reservations.read()  # makes the document, so that the first write to it is the reservation
    command = [sys.executable, "-c", STANDS_STILL, mongo_uri, database, after]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            os.waitpid(process.pid, os.WUNTRACED)
            if then is signal.SIGKILL:
                process.kill()
            at_once = claim(4, bounds(sending=6))
            if after == "locks":
                others = bounds(sending=6)
                wait_until(lambda: claim(2, others) != [], "its places are free")
        finally:
            process.send_signal(then)
            process.wait(30)

    assert len(at_once) == 2  # what it holds is counted
    assert 4 <= in_state("sending") <= 6
