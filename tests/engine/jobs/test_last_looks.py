"""What is stored of each answer of a backend, and what the engine looks at before it asks.

The backend answers as the test says; MongoDB is real.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pymongo import MongoClient

from devstack.processes import wait_until
from tests.engine.conftest import QUICK
from workflows.backends.base import (
    BackendStatus,
    Caller,
    Finished,
    InDoubt,
    JobReport,
    KillReply,
    NoAnswer,
    NotStarted,
    Refused,
    Started,
    Submission,
    SubmitResult,
    TokenRefused,
    Unanswered,
    by_name,
)
from workflows.bvbrc.job_records import JobRecords
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace
from workflows.engine.context import EngineContext
from workflows.engine.jobs.handover import Handover, send
from workflows.engine.jobs.kill import kill_jobs
from workflows.engine.jobs.lookup import resolve
from workflows.model.errors import Unauthorized
from workflows.model.values import APPSERVICE, Job, Outcome
from workflows.rules.endings import tell
from workflows.rules.outages import Verdict
from workflows.store import connection, documents
from workflows.store.jobs import lookups, rows, send_results
from workflows.store.mongo import collection
from workflows.store.users.credentials import Credential, Vault

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALICE, KEY = "alice@bvbrc", "wf_1/0/1"
VAULT = Vault([Fernet.generate_key().decode()])
REFUSED = TokenRefused(Unauthorized("no"))


@dataclass
class Scripted:
    """Implements ``Backend``: it answers what it was given, and keeps what it was asked."""

    answer: Any = None
    admits: bool = True
    fails: bool = True
    name: str = APPSERVICE
    synchronous: bool = False
    asked: list[Any] = field(default_factory=list)

    def status(self) -> BackendStatus:
        return BackendStatus()

    def takes_submissions(self) -> bool:
        return True

    def admit(self, owners: Iterable[str]) -> list[str]:
        return list(owners) if self.admits else []

    def submit(self, submission: Submission) -> SubmitResult:
        self.asked.append(submission.job.key)
        return self.answer

    def find(self, caller: Caller, job: Job, since: datetime) -> tuple[str, ...] | NoAnswer:
        self.asked.append((caller.owner, job.key, since))
        return self.answer

    def poll(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, JobReport] | NoAnswer:
        raise AssertionError((caller, job_ids))

    def cancel(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, KillReply] | NoAnswer:
        self.asked.append((caller.owner, tuple(job_ids)))
        return {} if isinstance(self.answer, tuple) else self.answer

    def outputs(self, caller: Caller, job: Job) -> Finished | NoAnswer:
        raise AssertionError((caller, job))

    def judge_refusal(self, caller: Caller, job: Job, refusal: str, patience: timedelta) -> Verdict:
        self.asked.append((caller.owner, job.key, refusal, patience))
        return Verdict(self.fails, "judged")


@pytest.fixture(scope="module")
def opened(mongo_uri: str, mongo: MongoClient) -> Iterator[str]:
    connection.open_database(mongo_uri, "test_last_looks")
    yield "test_last_looks"
    connection.close_database()
    mongo.drop_database("test_last_looks")


@pytest.fixture(autouse=True)
def empty_store(opened: str, mongo: MongoClient) -> None:
    for name in mongo[opened].list_collection_names():
        mongo[opened][name].delete_many({})
    sealed = {"sealed": VAULT.seal("t"), "digest": VAULT.digest("t"), "expires_at": FUTURE}
    collection(documents.Credential).insert_one({"_id": ALICE, **sealed})


def context_of(backend: Scripted, broken: list[BaseException] | None = None) -> EngineContext:
    """Nothing listens at the address of what is not asked here."""
    wire = Wire()
    workspace = Workspace(Rpc(wire), "http://127.0.0.1:9", timeout=MINUTE)
    records = JobRecords(Rpc(wire), "http://127.0.0.1:9", workspace, timeout=MINUTE)
    told = broken if broken is not None else []
    return EngineContext(by_name(backend), records, VAULT, QUICK, broken=told.append)


def put_job(**fields: Any) -> Job:
    row = {"workflow": "wf_1", "step": 0, "attempt": 1, "owner": ALICE, "app": "Date", "tries": 1}
    row |= {"state": "sending", "claim": "ours", "version": 7, "open": True, "sent_at": PAST}
    collection(documents.Job).insert_one({"_id": KEY, **row, **fields})
    return rows.value(stored())


def stored() -> dict[str, Any]:
    return collection(documents.Job).find_one({"_id": KEY}) or {}


def token() -> dict[str, Any]:
    return collection(documents.Credential).find_one({"_id": ALICE}) or {}


def handover(job: Job, **fields: Any) -> Handover:
    return Handover(
        job, **{"credential": Credential(ALICE, "t", FUTURE), "send_by": 1e12, **fields}
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Started("7"), {"state": "active", "job_id": "7"}),
        (
            Finished(Outcome.SUCCEEDED, "", {"a": 1}),
            {"state": "done", "outcome": "succeeded", "reason": ""},
        ),
        (
            Finished(Outcome.FAILED, "why"),
            {
                "state": "done",
                "outcome": "failed",
                "reason": tell("built-in step", app="Date", detail="why"),
            },
        ),
        (Refused("why"), {"state": "rejected"}),
        (NotStarted("busy", MINUTE), {"state": "intended", "tries": 2, "refusals": None}),
        (NotStarted("no", MINUTE, refused=True), {"state": "intended", "refusals": 1}),
        (REFUSED, {"state": "intended", "reason": "no"}),
        (InDoubt("lost", answered=False), {"state": "sending", "in_doubt": True, "answered": None}),
        (InDoubt("lost", answered=True), {"state": "sending", "in_doubt": True, "answered": True}),
    ],
)
def test_what_became_of_a_submission_is_stored(
    result: SubmitResult, expected: dict[str, Any]
) -> None:
    backend = Scripted(result)

    send_results.record([send(context_of(backend), handover(put_job()))])

    assert {name: stored().get(name) for name in expected} == expected
    assert backend.asked == [KEY]
    assert ("refused_at" in token()) is (result is REFUSED)


def test_nothing_leaves_without_a_token_or_where_a_hold_was_set() -> None:
    backend, job = Scripted(Started("7")), put_job()

    for fields in ({"credential": None}, {"may_leave": lambda: False}):
        send_results.record([send(context_of(backend), handover(job, **fields))])
        assert (stored()["state"], backend.asked) == ("intended", [])
        collection(documents.Job).update_one({}, {"$set": {"state": "sending", "claim": "ours"}})

    assert stored()["tries"] == 2, "a hold is no try"


@pytest.mark.parametrize("defect", [None, ValueError("a defect")])
def test_a_defect_that_kept_a_job_from_starting_is_reported(defect: Exception | None) -> None:
    broken: list[BaseException] = []

    send(
        context_of(Scripted(NotStarted("busy", MINUTE, defect=defect)), broken), handover(put_job())
    )

    assert broken == ([defect] if defect else [])


def put_doubtful(**fields: Any) -> Job:
    """One that was taken to be looked up, long after the grace."""
    put_job(in_doubt=True, due=PAST, absent_after=PAST, **fields)
    job = lookups.take(MINUTE)
    assert job is not None
    return job


ANSWERED = {"answered": True, "refused_since": PAST, "reason": "why"}


@pytest.mark.parametrize(
    ("fields", "fails", "state"),
    [
        ({}, True, "intended"),
        ({"kill": True}, True, "withdrawn"),
        (ANSWERED, True, "rejected"),
        ({**ANSWERED, "kill": True}, True, "withdrawn"),
        (ANSWERED, False, "intended"),
        ({**ANSWERED, "answered": False}, True, "intended"),
        ({**ANSWERED, "refused_since": FUTURE}, True, "intended"),
        ({"answered": True}, True, "intended"),
    ],
)
def test_a_job_that_is_absent_is_sent_again_unless_it_is_unwanted_or_refused_for_long(
    fields: dict[str, Any], fails: bool, state: str
) -> None:
    backend = Scripted((), fails=fails)

    assert resolve(context_of(backend), put_doubtful(**fields))

    assert stored()["state"] == state
    judged = len(backend.asked) == 2
    assert judged is (fields == ANSWERED)


def test_a_job_that_is_found_is_adopted_and_its_duplicates_are_killed() -> None:
    backend = Scripted(("7", "8"))
    context, job = context_of(backend), put_doubtful()

    assert resolve(context, job)

    assert (stored()["state"], stored()["job_id"], stored()["surplus"]) == ("active", "7", ["8"])
    assert backend.asked[0] == (ALICE, KEY, PAST - timedelta(minutes=5))
    assert backend.asked[1] == (ALICE, ("8",))


@pytest.mark.parametrize(("known", "surplus"), [("8", ["7"]), ("7", None)])
def test_of_a_job_that_is_known_by_now_the_others_are_duplicates(
    known: str, surplus: list[str] | None
) -> None:
    job = put_doubtful()
    collection(documents.Job).update_one({}, {"$set": {"state": "active", "job_id": known}})
    found = ("7", "8") if surplus else ("7",)

    assert not resolve(context_of(Scripted(found)), job)

    assert (stored()["job_id"], stored().get("surplus")) == (known, surplus)


@pytest.mark.parametrize("state", ["withdrawn", "rejected"])
def test_what_is_found_of_an_attempt_that_has_ended_in_the_meantime_is_killed(state: str) -> None:
    """Another look came later and was answered first: that one believed it absent."""
    backend, job = Scripted(("7", "8")), put_doubtful()
    collection(documents.Job).update_one({}, {"$set": {"state": state}})

    assert not resolve(context_of(backend), job)

    assert (stored()["state"], stored()["surplus"]) == (state, ["7", "8"])
    assert backend.asked[1] == (ALICE, ("7", "8"))


@pytest.mark.parametrize(
    ("backend", "asked", "sooner"),
    [
        (Scripted((), admits=False), 0, True),
        (Scripted(Unanswered("away")), 1, True),
        (Scripted(REFUSED), 1, False),
    ],
)
def test_a_look_that_could_not_be_made_concludes_nothing(
    backend: Scripted, asked: int, *, sooner: bool
) -> None:
    backend.asked.clear()
    job = put_doubtful()
    before = stored()["due"]

    assert not resolve(context_of(backend), job)

    assert (stored()["state"], len(backend.asked)) == ("sending", asked)
    assert (stored()["due"] < before) is sooner
    assert ("refused_at" in token()) is (backend.answer is REFUSED)


def test_without_a_token_nothing_is_looked_up() -> None:
    backend, job = Scripted(()), put_doubtful()
    collection(documents.Credential).delete_many({})

    assert not resolve(context_of(backend), job)

    assert backend.asked == []


def kill(backend: Scripted) -> int:
    """It waits for late answers as well."""
    context = context_of(backend)
    number = kill_jobs(context)
    wait_until(lambda: not context.kills.busy(), "the answers are stored")
    return number


@pytest.mark.parametrize(
    ("backend", "reply", "again"),
    [
        (Scripted({"7": KillReply(True, "")}), "killed", False),
        (Scripted({"7": KillReply(False, "", gone=True)}), "gone", False),
        (Scripted({"7": KillReply(False, "busy")}), "busy", True),
        (Scripted({}), "", True),
        (Scripted(Unanswered("away")), "", True),
        (Scripted(REFUSED), "", True),
        (Scripted({}, admits=False), "", True),
    ],
)
def test_a_kill_is_asked_for_until_there_is_an_answer(
    backend: Scripted, reply: str, *, again: bool
) -> None:
    backend.asked.clear()
    put_job(state="active", job_id="7", kill=True, kill_due=PAST)

    assert kill(backend) == 1

    assert (stored()["kill_reply"], "kill_due" in stored()) == (reply, again)
    assert backend.asked == ([(ALICE, ("7",))] if backend.admits else [])
    assert ("refused_at" in token()) is (backend.answer is REFUSED)


@pytest.mark.parametrize(
    ("reply", "left"),
    [
        (KillReply(True, ""), None),
        (KillReply(False, "", gone=True), None),
        (KillReply(False, "busy"), ["8"]),
        (None, ["8"]),
    ],
)
def test_a_duplicate_is_settled_when_it_is_dead(
    reply: KillReply | None, left: list[str] | None
) -> None:
    backend = Scripted({"8": reply} if reply else {})
    put_job(state="active", job_id="7", surplus=["8"], surplus_due=PAST)

    kill(backend)

    assert backend.asked == [(ALICE, ("8",))]
    assert stored().get("surplus") == left
