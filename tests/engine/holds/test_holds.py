"""Holds on a real MongoDB and the simulator: what they stop, when they end, what slips past."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from simulator.client import Simulator
from tests.engine.conftest import ALICE, LONG, Engine, another, document
from tests.shared import ROOT
from workflows.backends.builtin.declaration import BUILTIN
from workflows.bvbrc.wire import Answer, Request, Wire
from workflows.engine import holds
from workflows.engine.access import Caller
from workflows.engine.advance import advance
from workflows.engine.holds import LASTS, check_claimed
from workflows.engine.reports.explain import explanation
from workflows.model.errors import Conflict, Forbidden, Withheld
from workflows.model.values import Job
from workflows.rules.holds import Hold, Mode, Scope, Subject, stops
from workflows.store import documents
from workflows.store import holds as stored_holds
from workflows.store.jobs import outbox
from workflows.store.jobs import rows as job_rows
from workflows.store.jobs.outbox import Bounds
from workflows.store.mongo import collection
from workflows.store.statistics import progress
from workflows.store.workflows import stored

ADMIN, OWNER = Caller("root@bvbrc", is_admin=True), Caller(ALICE)
BOB = "bob@bvbrc"
HOUR = timedelta(hours=1)


def set_now(scope: Scope, target: str = "", mode: Mode = Mode.HOLD, **more: datetime) -> Hold:
    """Without the time in which what other processes read runs out."""
    return stored_holds.insert(scope, target, mode, "maintenance", by="root@bvbrc", **more)


def starts(engine: Engine) -> int:
    return len(engine.simulator.calls("AppService.start_app2"))


def turns(engine: Engine, count: int = 5) -> None:
    for _ in range(count):
        engine.turn()


def reason(engine: Engine, workflow: str) -> dict[str, object]:
    found: dict[str, object] = explanation(stored.get(workflow), engine.context)["steps"][0]
    return found


@pytest.mark.parametrize("scope", [Scope.GLOBAL, Scope.USER, Scope.APP, Scope.WORKFLOW])
def test_what_is_held_waits_and_says_why_and_goes_on_when_it_is_lifted(
    engine: Engine, scope: Scope
) -> None:
    workflow = engine.submit(document("", "a"))
    target = {Scope.USER: ALICE, Scope.APP: "Date", Scope.WORKFLOW: workflow}.get(scope, "")
    hold = set_now(scope, target)

    turns(engine)

    assert starts(engine) == 0
    why = reason(engine, workflow)
    assert (why["code"], why["until"]) == ("paused", None)
    assert "maintenance" in str(why["message"])
    assert why["hold"] == {
        "hold_id": hold.id,
        "scope": str(scope),
        "mode": "hold",
        "by": "root@bvbrc",
        "reason": "maintenance",
    }
    assert progress(10).unsent == timedelta(0)
    holds.lift(ADMIN, hold.id)
    assert engine.ends(workflow) == "succeeded"


def test_only_what_it_concerns_is_held(engine: Engine) -> None:
    first, second = engine.submit(document("")), engine.submit(document(""))
    set_now(Scope.WORKFLOW, first)
    set_now(Scope.USER, BOB)
    set_now(Scope.APP, "GenomeAssembly2")
    set_now(Scope.BATCH, "batch_1")

    assert engine.ends(second) == "succeeded"
    assert starts(engine) == 1


def test_a_hold_ends_by_itself_at_its_time(engine: Engine) -> None:
    workflow = engine.submit(document(""))
    hold = set_now(Scope.GLOBAL, until=datetime.now(UTC) + HOUR)
    turns(engine, 2)
    assert starts(engine) == 0
    assert reason(engine, workflow)["until"]
    over = {"until": datetime.now(UTC) - HOUR}
    collection(documents.Hold).update_one({"_id": hold.id}, {"$set": over})

    assert engine.ends(workflow) == "succeeded"


def test_a_drain_lets_what_runs_end_and_nothing_else_begin(engine: Engine) -> None:
    engine.simulator.app(queue_seconds=0, run_seconds=0.3, lag_seconds=0)
    running = engine.submit(document("", "a", "b"))
    engine.until(lambda: engine.status(running) == "running")
    hold = set_now(Scope.GLOBAL, mode=Mode.DRAIN)
    fresh = engine.submit(document(""))

    assert engine.ends(running) == "succeeded"
    turns(engine)

    assert starts(engine) == 3
    assert reason(engine, fresh)["code"] == "paused"
    holds.lift(ADMIN, hold.id)
    assert engine.ends(fresh) == "succeeded"


def test_a_step_that_the_engine_runs_itself_is_held_as_well(engine: Engine) -> None:
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    collection(documents.Job).update_one({"workflow": workflow}, {"$set": {"backend": BUILTIN}})
    set_now(Scope.WORKFLOW, workflow)

    turns(engine)

    assert job_rows.history(workflow)[0].state == "intended"


def claimed_job(engine: Engine) -> Job:
    """As a sender holds it that has not looked at the holds yet."""
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    [job] = outbox.claim(1, Bounds(10, 10, HOUR, HOUR, 10)).jobs
    return job


def test_a_hold_that_is_set_between_claim_and_sending_is_seen(engine: Engine) -> None:
    job = claimed_job(engine)
    [before] = check_claimed([job])
    hold = set_now(Scope.GLOBAL)
    [after] = check_claimed([job])

    assert before.hold is None
    assert after.hold == hold
    before.permission.read_at = time.monotonic() - LASTS - 0.01  # it stood still since it read
    assert not before.permission()
    holds.lift(ADMIN, hold.id)
    assert before.permission()


def test_no_byte_leaves_without_permission(engine: Engine) -> None:
    client = engine.context.appservice.client
    params = {"output_path": "/alice@patricbrc.org/home/run", "output_file": "o"}
    token = engine.owner().token

    with pytest.raises(Withheld):
        client.start(token, "Date", params, key="k", base_url="b", may_leave=lambda: False)
    assert starts(engine) == 0

    assert client.start(token, "Date", params, key="k", base_url="b", may_leave=lambda: True)


def test_a_workflow_is_paused_by_its_owner_and_an_admins_hold_stays(engine: Engine) -> None:
    workflow = engine.submit(document(""))
    found = stored.get(workflow)
    holds.pause(OWNER, found)
    holds.pause(OWNER, found)
    assert len(stored_holds.present()) == 1
    turns(engine)
    assert starts(engine) == 0
    lifted_by = f"POST /api/v1/workflows/{workflow}/resume."
    assert reason(engine, workflow)["unblocked_by"] == lifted_by

    theirs = set_now(Scope.WORKFLOW, workflow)
    with pytest.raises(Conflict, match="only an admin"):
        holds.resume(OWNER, found)
    with pytest.raises(Forbidden):
        holds.lift(OWNER, theirs.id)
    assert stored_holds.present() == [theirs]
    holds.resume(ADMIN, found)

    assert engine.ends(workflow) == "succeeded"
    with pytest.raises(Conflict, match="succeeded"):
        holds.pause(OWNER, stored.get(workflow))


NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def jobs(engine: Engine) -> dict[str, Subject]:
    """Jobs of every kind that holds tell apart, by their keys."""
    assert not engine.simulator.jobs()
    known: dict[str, Subject] = {}
    for number, (owner, app, batch, begun) in enumerate(
        product(["alice", "bob"], ["Date", "Sleep"], ["", "b1"], [None, NOW, NOW + 2 * MINUTE])
    ):
        workflow = f"wf_{number}"
        retried = NOW + 2 * MINUTE if begun and number % 4 == 3 else None
        times = {"started_at": begun, "taken_up_at": retried}
        times = {name: at for name, at in times.items() if at}
        more = {"batch": batch, "row": number} if batch else {}
        version = number % 3  # 0: made from no template
        if version:
            more["template"] = {"name": "assembly", "version": version}
        collection(documents.Workflow).insert_one({"_id": workflow, **times, **more})
        key = f"{workflow}/0/1"
        collection(documents.Job).insert_one(
            {"_id": key, "workflow": workflow, "owner": owner, "app": app, "state": "intended"}
        )
        template = f"assembly@{version}" if version else ""
        known[key] = Subject(owner, app, workflow, batch, retried or begun, template)
    return known


HOLDS = [
    Hold("h", scope, target, mode, "", "root", NOW + MINUTE)
    for scope, target in [
        (Scope.GLOBAL, ""),
        (Scope.USER, "alice"),
        (Scope.APP, "Date"),
        (Scope.BATCH, "b1"),
        (Scope.TEMPLATE, "assembly"),
        (Scope.TEMPLATE, "assembly@2"),
        (Scope.WORKFLOW, "wf_3"),
        (Scope.WORKFLOW, "wf_16"),
    ]
    for mode in Mode
]


def test_mongodb_leaves_out_the_jobs_that_the_rule_stops(jobs: dict[str, Subject]) -> None:
    def chosen(present: Sequence[Hold]) -> set[str]:
        rows = collection(documents.Job).aggregate(
            [{"$match": {"state": "intended"}}, *stored_holds.job_stages(present)]
        )
        return {row["_id"] for row in rows}

    for present in [[], *([hold] for hold in HOLDS), HOLDS[2:5], HOLDS[5:9], HOLDS[3:]]:
        expected = {
            key for key, job in jobs.items() if not any(stops(hold, job) for hold in present)
        }
        assert chosen(present) == expected, present


@pytest.mark.usefixtures("engine")
def test_users_behind_many_whose_work_is_held_are_served_at_once() -> None:
    now = datetime.now(UTC)
    names = [f"a{number:03}" for number in range(100)]
    collection(documents.Credential).insert_many(
        [{"_id": name, "expires_at": now + HOUR} for name in (*names, "z")]
    )
    collection(documents.Job).insert_many(
        [
            {
                "_id": f"wf_{name}/0/1",
                "workflow": f"wf_{name}",
                "step": 0,
                "attempt": 1,
                "owner": name,
                "app": "Sleep" if name == "z" else "Date",
                "state": "intended",
                "version": 0,
                "due": now - HOUR,
                "tries": 0,
            }
            for name in (*names, "z")
        ]
    )
    set_now(Scope.APP, "Date")

    assert [job.owner for job in outbox.claim(4, Bounds(10, 10, HOUR, HOUR, 10)).jobs] == ["z"]


class Noting(Wire):
    """A wire that notes when each call was allowed to leave, on the monotonic clock."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[float] = []

    def exchange(self, request: Request) -> Answer:
        if (may_leave := request.may_leave) is None:
            return super().exchange(request)

        def note() -> bool:
            leaves = may_leave()
            if leaves:
                self.left.append(time.monotonic())
            return leaves

        return super().exchange(replace(request, may_leave=note))


def test_no_start_leaves_after_the_answer_while_processes_send(engine: Engine) -> None:
    """Two senders at full speed; what their wires noted decides. A start takes a moment: they have
    not all left before the hold is set."""
    engine.simulator.switch(preflight_seconds=0.1)
    workflows = [engine.submit(document("", "", "ab")) for _ in range(20)]
    wires = [Noting(), Noting()]
    senders = [another(engine.simulator, wire).with_limits(grace=HOUR) for wire in wires]
    stop: list[bool] = []
    taken: Counter[int] = Counter()

    def work(sender: Engine) -> None:
        while not stop:
            sender.turn()
            taken[id(sender)] += 1

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work, sender) for sender in senders]
        try:
            _wait(lambda: starts(engine) >= 5)
            hold = holds.set_hold(ADMIN, Scope.USER, ALICE, Mode.HOLD, "maintenance").hold
            answered = time.monotonic()
            before = taken.copy()
            _wait(lambda: all(taken[each] >= before[each] + 5 for each in taken))
            left = [at for wire in wires for at in wire.left]
            assert 5 <= len(left) < 60
            assert not [at for at in left if at > answered]
            holds.lift(ADMIN, hold.id)
        finally:
            stop.append(True)
        for future in futures:
            future.result()
    engine.until(lambda: all(engine.status(each) == "succeeded" for each in workflows), 60)
    assert starts(engine) == 60


@pytest.mark.usefixtures("engine")
def test_the_answer_counts_a_job_in_the_hands_of_a_process_that_stands_still(
    mongo_uri: str, database: str, simulator: Simulator
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.engine.holds.standing_still",
            mongo_uri,
            database,
            simulator.url,
        ],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    assert found == [
        {"under_way": 0, "starts": 0},  # on another workflow
        {"under_way": 1, "starts": 0},  # it may start after the answer, which says so
    ]
    _wait(lambda: len(simulator.calls("AppService.start_app2")) == 1)  # it did


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)
