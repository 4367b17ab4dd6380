"""Many who want plans at the same time: nobody's documents delay those of others for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest

from devstack.processes import wait_until
from tests.cwl.planning import FOLDER, workflow
from workflows.backends.declared_apps import cwl_specs
from workflows.bvbrc.app_table import load
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.cwl.process.planner import AppTable
from workflows.cwl.process.planner_pool import PlannerPool
from workflows.model.errors import TooManyRequests, Unavailable

LIGHT = workflow("  a: {run: 'bvbrc://Date', in: [], out: []}\n")
LOOPS = workflow(
    "".join(
        f"  s{number}:\n    run: bvbrc://Sleep\n    out: []\n"
        "    in: {sleep_time: {valueFrom: '${while (true) {}}'}}\n"
        for number in range(5)
    ),
    needs="InlineJavascriptRequirement StepInputExpressionRequirement",
)
A_WHILE = timedelta(minutes=4)
"""For seconds of computing on a machine that much else keeps busy."""
HOG, OTHER, THIRD = "hog@bvbrc", "other@bvbrc", "third@bvbrc"


@pytest.fixture(scope="module")
def apps() -> AppTable:
    return AppTable(load(), helpers=cwl_specs())


@pytest.fixture
def make_pool() -> Iterator[Callable[..., PlannerPool]]:
    made: list[PlannerPool] = []

    def make(planners: int = 2, **limits: object) -> PlannerPool:
        made.append(PlannerPool(planners, **{"wall_time": A_WHILE, **limits}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for pool in made:
        pool.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


def source(document: str) -> Submission:
    return Submission({"w.cwl": document}, "w.cwl", None, workspace_output_folder=FOLDER)


class Place:
    """Holds a place of the pool for a user, like a plan that takes long, until it is let go."""

    def __init__(self, pool: PlannerPool, user: str) -> None:
        self._ends, self._begun = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(pool, user))
        self._thread.start()
        assert self._begun.wait(60)

    def _hold(self, pool: PlannerPool, user: str) -> None:
        with pool._turn(user, float("inf"), lambda: False):
            self._begun.set()
            self._ends.wait(240)

    def let_go(self) -> None:
        self._ends.set()
        self._thread.join()


def waiting(pool: PlannerPool) -> int:
    return sum(map(len, pool._queues.values()))


def until_waiting(pool: PlannerPool, count: int) -> None:
    wait_until(lambda: waiting(pool) == count, f"{count} plans wait")


def test_loops_of_one_user_do_not_hold_up_another(
    make_pool: Callable[..., PlannerPool], threads: ThreadPoolExecutor, apps: AppTable
) -> None:
    """Four documents of loops, then a light one of another user: it comes before the second."""
    pool = make_pool(wall_time=A_WHILE)
    ended: list[str] = []

    def planned(user: str, document: str) -> Plan:
        found = pool.plan(user, source(document), apps)
        ended.append(user)
        return found

    hogs = [threads.submit(planned, HOG, LOOPS) for _ in range(3)]
    other = threads.submit(planned, OTHER, LIGHT)

    assert other.result().problems == ()
    assert {problem.code for hog in hogs for problem in hog.result().problems} == {"cwl.expression"}
    assert ended.index(OTHER) <= 1


def test_users_whose_plans_take_long_leave_a_process_to_the_others(
    make_pool: Callable[..., PlannerPool], threads: ThreadPoolExecutor, apps: AppTable
) -> None:
    pool = make_pool(slow_time=timedelta(0))
    for user in (HOG, OTHER):
        Place(pool, user).let_go()
    place = Place(pool, HOG)
    queued = threads.submit(pool.plan, OTHER, source(LIGHT), apps)
    until_waiting(pool, 1)

    assert pool.plan(THIRD, source(LIGHT), apps).problems == ()

    assert not queued.done()
    place.let_go()
    assert queued.result().problems == ()


def test_quick_users_take_any_process(
    make_pool: Callable[..., PlannerPool], apps: AppTable
) -> None:
    pool = make_pool(slow_time=A_WHILE)
    for user in (HOG, OTHER):
        Place(pool, user).let_go()
    place = Place(pool, HOG)

    assert pool.plan(OTHER, source(LIGHT), apps).problems == ()

    place.let_go()


def test_users_are_slow_for_a_while_though_nobody_plans_after_it(
    make_pool: Callable[..., PlannerPool], apps: AppTable
) -> None:
    pool = make_pool(slow_time=timedelta(0), slow_for=timedelta(seconds=2))
    for user in (HOG, OTHER):
        Place(pool, user).let_go()
    wait_until(lambda: time.monotonic() > max(pool._slow.values()), "it is over")
    place = Place(pool, HOG)

    assert pool.plan(OTHER, source(LIGHT), apps).problems == ()

    place.let_go()


def test_what_is_beyond_a_users_few_is_refused_at_once(
    make_pool: Callable[..., PlannerPool], threads: ThreadPoolExecutor, apps: AppTable
) -> None:
    pool = make_pool(waiting_each=2)
    place = Place(pool, HOG)
    queued = [threads.submit(pool.plan, HOG, source(LIGHT), apps) for _ in range(2)]
    until_waiting(pool, 2)

    with pytest.raises(TooManyRequests, match="2 of your CWL documents wait"):
        pool.plan(HOG, source(LIGHT), apps)

    assert pool.plan(OTHER, source(LIGHT), apps).problems == ()
    place.let_go()
    assert [each.result().problems for each in queued] == [(), ()]


def test_a_crowd_is_refused_at_once(
    make_pool: Callable[..., PlannerPool], threads: ThreadPoolExecutor, apps: AppTable
) -> None:
    pool = make_pool(1, waiting_all=1)
    place = Place(pool, HOG)
    queued = threads.submit(pool.plan, OTHER, source(LIGHT), apps)
    until_waiting(pool, 1)

    with pytest.raises(Unavailable, match="too many"):
        pool.plan(THIRD, source(LIGHT), apps)

    place.let_go()
    assert queued.result().problems == ()


def test_users_take_turns(
    make_pool: Callable[..., PlannerPool], threads: ThreadPoolExecutor, apps: AppTable
) -> None:
    pool = make_pool(1)
    place = Place(pool, THIRD)
    order: list[str] = []

    def planned(user: str) -> None:
        pool.plan(user, source(LIGHT), apps)
        order.append(user)

    queued: list[Future[None]] = []
    for user in (HOG, HOG, OTHER):
        queued.append(threads.submit(planned, user))
        until_waiting(pool, len(queued))

    place.let_go()
    for each in queued:
        each.result()
    assert order == [HOG, OTHER, HOG]


def test_the_time_that_a_plan_waits_counts(
    make_pool: Callable[..., PlannerPool], apps: AppTable
) -> None:
    pool = make_pool(1, wall_time=timedelta(milliseconds=50))
    place = Place(pool, HOG)

    with pytest.raises(Unavailable, match="in time"):
        pool.plan(OTHER, source(LIGHT), apps)

    place.let_go()
    assert waiting(pool) == 0


def test_work_stops_when_the_client_leaves(
    make_pool: Callable[..., PlannerPool], apps: AppTable
) -> None:
    pool = make_pool(1)
    looks = iter([False] * 3)

    with pytest.raises(Unavailable):
        pool.plan(HOG, source(LOOPS), apps, gone=lambda: next(looks, True))

    assert pool._all[0]._child is None, "its process is ended"
    assert pool.plan(OTHER, source(LIGHT), apps).problems == ()


def test_who_leaves_while_waiting_gives_up_the_place(
    make_pool: Callable[..., PlannerPool], apps: AppTable
) -> None:
    pool = make_pool(1)
    place = Place(pool, HOG)

    with pytest.raises(Unavailable):
        pool.plan(OTHER, source(LIGHT), apps, gone=lambda: True)

    assert waiting(pool) == 0
    place.let_go()
