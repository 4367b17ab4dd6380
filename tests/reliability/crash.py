"""Kills a process after each of its effects in turn, lets another go on, and checks the laws.

``python -m tests.reliability.crash <mongodb> <simulator>`` prints one JSON line for each point:
``{"verb", "effect", "died", "problems": […]}``. An effect is a write that MongoDB acknowledged, or
an exchange with AppService; dying before one is the same as dying after the one before it.
Observers count them (pymongo's command monitoring, a wire that tells); nothing is patched.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from pymongo import monitoring

from simulator.client import Simulator
from tests.engine.conftest import KEY, QUICK, Engine
from tests.reliability.verbs import VERBS, Verb
from workflows.backends.appservice.backend import AppServiceBackend
from workflows.backends.appservice.client import AppService
from workflows.backends.base import by_name
from workflows.bvbrc.job_records import JobRecords
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Answer, Request, Wire
from workflows.bvbrc.workspace import Workspace
from workflows.cwl.process.planner import Planner
from workflows.engine.context import EngineContext
from workflows.engine.jobs.send import Drain
from workflows.engine.reuse.settings import ReuseSettings
from workflows.store import connection, documents
from workflows.store.mongo import collection
from workflows.store.users.credentials import Vault
from workflows.store.workflows import events

WRITES = frozenset({"insert", "update", "delete", "findAndModify", "commitTransaction"})
TOGETHER = 6
"""Crash points that are tried side by side: most of the time is waiting for a lease or a grace."""
DIED = -signal.SIGKILL


class Fuse(monitoring.CommandListener):
    """Counts effects once it is lit; kills this process after the one it is set to."""

    def __init__(self, after: int) -> None:
        self.after, self.count, self.lit = after, 0, False

    def light(self) -> None:
        self.lit = True
        if self.after == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def tick(self) -> None:
        self.count += self.lit
        if self.lit and self.count == self.after:
            os.kill(os.getpid(), signal.SIGKILL)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """A command that is only begun has done nothing yet."""

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if event.command_name in WRITES:
            self.tick()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nor has one that failed."""


class Tapped(Wire):
    """A wire that tells the fuse of each exchange."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def exchange(self, request: Request) -> Answer:
        answer = super().exchange(request)
        self._fuse.tick()
        return answer


def engine_of(simulator: Simulator, user: str, fuse: Fuse) -> Engine:
    rpc, long = Rpc(Tapped(fuse)), timedelta(seconds=3)
    service = AppService(
        rpc, simulator.app_service_url, timeout=long, submit_timeout=timedelta(seconds=1.5)
    )
    workspace = Workspace(rpc, simulator.workspace_url, timeout=long)
    records = JobRecords(rpc, simulator.app_service_url, workspace, timeout=long)
    second = timedelta(seconds=1)  # less than the grace: one process sends, and another looks it up
    limits = replace(QUICK, polling_interval=0.1 * second, send_window=second)
    backends = by_name(AppServiceBackend(service))
    reuse = ReuseSettings(workspace, workspace, timedelta(days=1), timedelta(0), long)
    context = EngineContext(backends, records, Vault([KEY]), limits, planner=Planner(), reuse=reuse)
    return Engine(context, simulator, Drain(8), user, pause_seconds=0.1)


@dataclass(frozen=True)
class Point:
    """One crash point. Its user is its own, its database that of those tried before it there."""

    verb: Verb
    effect: int
    place: int

    @property
    def name(self) -> str:
        return f"{self.verb.name}{self.effect}".replace(" ", "_")

    def crash(self, mongo: str, url: str) -> None:
        """In a process of its own: prepare, then die after the effect, or live if there is none."""
        fuse = Fuse(self.effect)
        monitoring.register(fuse)
        engine = self._engine(mongo, url, fuse)
        for kind in documents.documents():
            collection(kind).delete_many({})
        workflow = self.verb.prepare(engine)
        fuse.light()
        self.verb.act(engine, workflow)

    def recover(self, mongo: str, url: str) -> list[str]:
        """In another: go on, and say what of the laws is broken."""
        engine = self._engine(mongo, url, Fuse(-1))
        row = collection(documents.Workflow).find_one({}, {"_id": 1})
        self.verb.again(engine, row["_id"] if row else "")
        ids = [found["_id"] for found in collection(documents.Workflow).find({}, {"_id": 1})]
        problems = [] if len(ids) == self.verb.workflows else [f"{len(ids)} workflows"]
        for workflow in ids:
            if (state := engine.ends(workflow, 240)) != self.verb.expected:
                problems.append(f"it ended {state}")
            numbers = [event.sequence for event in events.of_workflow(workflow)]
            if numbers != list(range(1, len(numbers) + 1)):
                problems.append(f"its history is {numbers}")
        at_end = self._at_bvbrc(engine, ids) if self.verb.workflows else self._left_over()
        return problems + at_end

    def _left_over(self) -> list[str]:
        kinds = (documents.Spec, documents.Job, documents.Event)
        counts = {kind.__name__: collection(kind).count_documents({}) for kind in kinds}
        return [f"{count} of {kind} are left" for kind, count in counts.items() if count]

    def _at_bvbrc(self, engine: Engine, ids: list[str]) -> list[str]:
        made = engine.simulator.jobs(owner=engine.user)
        known = {job["_id"]: job.get("job_id") for job in collection(documents.Job).find()}
        keys = Counter(job["user_metadata"] for job in made)
        peaks = engine.simulator.summary()["peak_in_flight_by_workflow"]
        problems = [f"{count} jobs of {key}" for key, count in keys.items() if count > 1]
        problems += [
            f"job {job['id']} is not known"
            for job in made
            if known.get(job["user_metadata"]) != job["id"]
        ]
        problems += [f"job {job['id']} lives on" for job in made if job["state"] in ("Q", "S")]
        return problems + ["the cap was broken" for each in ids if peaks.get(each, 0) > QUICK.cap]

    def found(self, *, died: bool, problems: list[str]) -> dict[str, Any]:
        verb = {"verb": self.verb.name, "effect": self.effect}
        return verb | {"died": died, "problems": problems}

    def _engine(self, mongo: str, url: str, fuse: Fuse) -> Engine:
        connection.open_database(mongo, database(self.place))
        return engine_of(Simulator(url), f"{self.name}@bvbrc", fuse)


def database(place: int) -> str:
    return f"crash_{place}"


def forked(work: Callable[[], None]) -> int:
    """The pid of a child that does it and ends with 0, or with 1 where it raised."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except Exception:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def follow(point: Point, mongo: str, url: str) -> None:
    """Crash, recover, report; exits 3 where the process lived to the end of the verb."""
    _, status = os.waitpid(forked(lambda: point.crash(mongo, url)), 0)
    died = os.waitstatus_to_exitcode(status)
    problems = point.recover(mongo, url) if died in (0, DIED) else [f"it ended with {died}"]
    say(point.found(died=died == DIED, problems=problems))
    if died != DIED:
        os._exit(3)


def make_places(mongo: str) -> None:
    """The databases, once: their indexes take longer than a crash point does."""
    for place in range(TOGETHER):
        connection.open_database(mongo, database(place))
        documents.ensure_indexes()
        connection.close_database()


def main(mongo: str, url: str) -> None:
    """Each verb's points one after the other until a process survives; verbs side by side."""
    simulator = Simulator(url)
    simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    simulator.switch(kill_lag_seconds=0.2)
    simulator.close()
    os.waitpid(forked(lambda: make_places(mongo)), 0)
    waiting = [(verb, 0) for verb in VERBS]
    places = list(range(TOGETHER))
    going: dict[int, Point] = {}
    while waiting or going:
        while waiting and places:
            point = Point(*waiting.pop(0), places.pop())
            going[forked(lambda point=point: follow(point, mongo, url))] = point  # type: ignore[misc]
        pid, status = os.wait()
        point = going.pop(pid)
        places.append(point.place)
        if os.waitstatus_to_exitcode(status) == 0:
            waiting.append((point.verb, point.effect + 1))
        elif os.waitstatus_to_exitcode(status) != 3:
            say(point.found(died=True, problems=["it broke"]))


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    main(*sys.argv[1:])
