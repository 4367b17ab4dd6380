"""Jobs of apps with a history are polled as likely as they end, on a real MongoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from devstack.processes import wait_until
from tests.engine.conftest import Engine, document
from workflows.engine import durations
from workflows.engine.jobs.early_looks import EarlyLooks
from workflows.engine.jobs.poll import poll_jobs, poll_young_jobs
from workflows.rules.durations.histogram import Histogram, bin_of
from workflows.rules.durations.history import AppHistory, Durations
from workflows.store import documents
from workflows.store.durations import hours
from workflows.store.mongo import clock, collection

USER = "forecast@patricbrc.org"
SECOND = timedelta(seconds=1)
BASE = 10 * SECOND


@dataclass
class Polled:
    """An engine with a history, and one user's jobs."""

    engine: Engine
    looks: list[tuple[str, timedelta]] = field(default_factory=list)
    """That were planned."""

    def __post_init__(self) -> None:
        limits = replace(self.engine.context.limits, polling_interval=BASE, polls_by_forecast=True)
        self.context = replace(
            self.engine.context,
            limits=limits,
            looks=lambda owner, wait: self.looks.append((owner, wait)),
        )

    def run(self, *needs: str) -> str:
        """A workflow whose jobs run until they are finished by hand."""
        self.engine.simulator.app(run_seconds=None)
        workflow = self.engine.submit(document(*needs))
        wanted = ["running" if not each else "pending" for each in needs]
        self.engine.until(lambda: self.engine.states(workflow) == wanted)
        return workflow

    def set_ages(self, workflow: str, ran: float, looked: float) -> None:
        """The jobs have run for so long, and were looked at so long ago; no poll was made since."""
        now = clock()
        collection(documents.Job).update_many(
            {"workflow": workflow},
            {"$set": {"submitted_at": now - (ran + 5) * SECOND, "started_at": now - ran * SECOND}},
        )
        locks = collection(documents.Lock)
        locks.delete_many({"_id": {"$regex": USER}})
        locks.insert_one({"_id": f"poll:{USER}", "last": now - BASE, "next": now - SECOND})
        locks.insert_one({"_id": f"young:{USER}", "last": now - BASE, "next": now - SECOND})
        last = now - looked * SECOND
        locks.insert_one({"_id": f"look:{USER}", "last": last, "next": last + SECOND})

    def asks(self, *, young: bool = False) -> int:
        """How many calls one poll makes."""
        before = self._count_calls()
        (poll_young_jobs if young else poll_jobs)(self.context, [USER])
        return self._count_calls() - before

    def _count_calls(self) -> int:
        return len(self.engine.simulator.calls("AppService.query_tasks", user=USER))


def remember(run_seconds: float, jobs: int = 40) -> None:
    """The app's jobs started within ten seconds, and ran about so long."""
    counts = {bin_of(run_seconds * part): jobs // 4 for part in (0.75, 0.9, 1.1, 1.35)}
    history = Durations(Histogram({bin_of(10): jobs}), Histogram(counts))
    hours.store(
        clock().replace(minute=0, second=0, microsecond=0), {"Date": AppHistory({None: history})}
    )
    hours.add_up(["Date"])
    durations.forget()


@pytest.fixture
def polled(engine: Engine) -> Iterator[Polled]:
    yield Polled(replace(engine, user=USER))
    durations.forget()


def test_a_job_that_will_not_end_soon_is_asked_about_seldom(polled: Polled) -> None:
    workflow = polled.run("")
    polled.set_ages(workflow, ran=100, looked=30)
    assert polled.asks() == 1, "without a history in each interval"

    remember(600)
    polled.set_ages(workflow, ran=100, looked=30)
    assert polled.asks() == 0
    assert polled.looks == []
    polled.set_ages(workflow, ran=100, looked=61)
    assert polled.asks() == 1, "never more seldom than an old job"

    off = replace(polled.context.limits, polls_by_forecast=False)
    polled.context = replace(polled.context, limits=off)
    polled.set_ages(workflow, ran=100, looked=30)
    assert polled.asks() == 1, "it is switched off"


def test_a_job_that_is_likely_to_end_is_asked_about_between_two_intervals(polled: Polled) -> None:
    remember(600)
    workflow = polled.run("", "a")
    polled.set_ages(workflow, ran=600, looked=1)
    assert polled.asks() == 0
    ((owner, wait),) = polled.looks
    assert owner == USER
    assert 3 * SECOND < wait < BASE

    polled.set_ages(workflow, ran=600, looked=9.5)
    polled.engine.simulator.act("finish", owner=USER)
    assert polled.asks(young=True) == 1
    assert len(polled.looks) == 2, "the next one is planned"
    polled.engine.until(lambda: polled.engine.states(workflow) == ["succeeded", "running"])


def test_a_job_that_outlasts_its_history_goes_by_the_fixed_schedule(polled: Polled) -> None:
    remember(60)
    workflow = polled.run("")
    polled.set_ages(workflow, ran=390, looked=1)

    assert polled.asks() == 1
    assert polled.looks == []


def test_a_call_asks_about_all_jobs_with_a_forecast(polled: Polled) -> None:
    """Also one that is made for a job that has just started."""
    remember(600)
    workflow = polled.run("", "")
    polled.set_ages(workflow, ran=300, looked=5)
    one = {"_id": f"{workflow}/0/1"}
    now = clock()
    collection(documents.Job).update_one(
        one, {"$set": {"submitted_at": now - 1.5 * SECOND}, "$unset": {"started_at": ""}}
    )

    polled.engine.simulator.act("finish", owner=USER)

    assert polled.asks(young=True) == 1
    query = {"workflow": workflow, "outcome": "succeeded"}
    assert collection(documents.Job).count_documents(query) == 2


def test_a_short_history_says_nothing(polled: Polled) -> None:
    remember(600, jobs=16)
    workflow = polled.run("")
    polled.set_ages(workflow, ran=100, looked=1)

    assert polled.asks() == 1


def test_looks_of_two_processes_are_made_once(polled: Polled) -> None:
    remember(600)
    workflow = polled.run("")
    polled.set_ages(workflow, ran=600, looked=9.5)
    collection(documents.Lock).update_one(
        {"_id": f"look:{USER}"}, {"$set": {"next": clock() + timedelta(minutes=1)}}
    )

    assert polled.asks() == 0


def test_the_last_plan_counts() -> None:
    looked: list[str] = []
    looks = EarlyLooks((), looked.extend)

    with looks._changed:  # no look is made between two plans of one user
        looks.plan("a", timedelta(hours=1))
        looks.plan("a", timedelta(0))
        looks.plan("b", timedelta(0))
        looks.plan("b", timedelta(hours=1))

    wait_until(lambda: looked == ["a"], "the look of a user")
