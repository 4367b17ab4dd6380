"""Kills a process after each of its effects in turn, lets another go on, and checks the laws.

``python -m tests.reliability.crash <mongodb> <simulator>`` prints one JSON line for each point:
``{"verb", "effect", "died", "problems": […]}``. An effect is a write that MongoDB acknowledged, or
an exchange with AppService; dying before one is the same as dying after the one before it.
Observers count them (pymongo's command monitoring, a wire that tells); nothing is patched.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import monitoring

from tests.engine.conftest import KEY, QUICK, Engine, document
from workflows import models
from workflows.bvbrc.appservice import AppService
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.simulator.client import Simulator
from workflows.bvbrc.wire import Answer, Request, Wire
from workflows.document import spec_from
from workflows.engine import requests
from workflows.engine.advance import advance
from workflows.engine.killing import kill_jobs
from workflows.engine.parts import Parts
from workflows.engine.polling import poll_jobs
from workflows.engine.requests import Owner, Submission
from workflows.engine.resolving import resolve_jobs
from workflows.engine.sending import Drain
from workflows.store import events, outbox, workflows
from workflows.store.credentials import Vault
from workflows.store.mongo import collection

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


@dataclass(frozen=True)
class Verb:
    """``prepare`` brings a workflow to where ``act`` applies; ``again`` is what a person does who
    got no answer; ``expected`` is how the workflow ends."""

    name: str
    prepare: Callable[[Engine], str]
    act: Callable[[Engine, str], Any]
    expected: str = "succeeded"
    again: Callable[[Engine, str], Any] = lambda _engine, _workflow: None


def submitted(engine: Engine) -> str:
    return engine.submit(document("", "a", ""))


def intended(engine: Engine) -> str:
    workflow = submitted(engine)
    advance(engine.parts, [workflow])
    return workflow


def active(engine: Engine) -> str:
    workflow = intended(engine)
    engine.drain.run(engine.parts)
    return workflow


def in_doubt(*, done: bool) -> Callable[[Engine], str]:
    def prepare(engine: Engine) -> str:
        engine.simulator.fault("lost", "start_app2", user=engine.user, count=1, done=done)
        workflow = active(engine)
        wait(outbox.doubtful_due)
        if not done:
            wait(lambda: overdue(workflow))
        return workflow

    return prepare


def overdue(workflow: str) -> bool:
    """Whether "not found" would be believed of every job that is being sent."""
    now = datetime.now(UTC)
    rows = collection(models.Job).find({"workflow": workflow, "state": "sending"})
    return all(row["absent_after"] <= now for row in rows)


def unwanted(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, run_seconds=None)
    workflow = active(engine)
    requests.cancel(engine.parts, workflow)
    return workflow


def running(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, run_seconds=None)
    return active(engine)


def failed(engine: Engine) -> str:
    engine.simulator.app(user=engine.user, outcome="failed", run_seconds=0, count=2)
    workflow = submitted(engine)
    engine.ends(workflow)
    return workflow


def parked(engine: Engine) -> str:
    workflow = submitted(engine)
    engine.simulator.expire(engine.user)
    advance(engine.parts, [workflow])
    engine.drain.run(engine.parts)
    return workflow


def submit_once(engine: Engine, _workflow: str) -> None:
    found = document("", "a", "")
    keyed = Submission(spec_from(found), found, idempotency_key="once", body=b"once")
    requests.submit(engine.parts, engine.owner(), keyed)


def retry_once(engine: Engine, workflow: str) -> None:
    if workflows.get(workflow)["state"] == "failed":
        requests.retry(engine.parts, engine.owner(), workflow)


def renew(engine: Engine, _workflow: str) -> None:
    token = engine.simulator.token(engine.user)
    owner = Owner(engine.user, token, datetime.now(UTC) + timedelta(days=30))
    requests.renew(engine.parts, owner)


def cancel(engine: Engine, workflow: str) -> None:
    requests.cancel(engine.parts, workflow)


VERBS = [
    Verb("submit", lambda _engine: "", submit_once, again=submit_once),
    Verb("advance", submitted, lambda engine, workflow: advance(engine.parts, [workflow])),
    Verb("start", intended, lambda engine, _: engine.drain.run(engine.parts)),
    Verb("poll", active, lambda engine, _: poll_jobs(engine.parts, [engine.user])),
    Verb("adopt", in_doubt(done=True), lambda engine, _: resolve_jobs(engine.parts)),
    Verb("resend", in_doubt(done=False), lambda engine, _: resolve_jobs(engine.parts)),
    Verb("cancel", running, cancel, "cancelled", again=cancel),
    Verb("kill", unwanted, lambda engine, _: kill_jobs(engine.parts), "cancelled"),
    Verb("retry", failed, retry_once, again=retry_once),
    Verb("renew", parked, renew, again=renew),
]


def wait(reached: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it was not reached in time"
        time.sleep(0.02)


def engine_of(simulator: Simulator, user: str, fuse: Fuse) -> Engine:
    service = AppService(
        Rpc(Tapped(fuse)),
        simulator.app_service_url,
        timeout=timedelta(seconds=3),
        submit_timeout=timedelta(seconds=1.5),
    )
    limits = replace(QUICK, polling_interval=timedelta(seconds=0.1))
    return Engine(Parts(service, Vault([KEY]), limits), simulator, Drain(8), user)


@dataclass(frozen=True)
class Point:
    """One crash point; database and user are its own."""

    verb: Verb
    effect: int

    @property
    def name(self) -> str:
        return f"{self.verb.name}{self.effect}"

    def crash(self, mongo: str, url: str) -> None:
        """In a process of its own: prepare, then die after the effect, or live if there is none."""
        fuse = Fuse(self.effect)
        monitoring.register(fuse)
        engine = self._engine(mongo, url, fuse)
        workflow = self.verb.prepare(engine)
        fuse.light()
        self.verb.act(engine, workflow)

    def recover(self, mongo: str, url: str) -> list[str]:
        """In another: go on, and say what of the laws is broken."""
        engine = self._engine(mongo, url, Fuse(-1))
        row = collection(models.Workflow).find_one({}, {"_id": 1})
        self.verb.again(engine, row["_id"] if row else "")
        ids = [found["_id"] for found in collection(models.Workflow).find({}, {"_id": 1})]
        problems = [] if len(ids) == 1 else [f"{len(ids)} workflows"]
        for workflow in ids:
            if (state := engine.ends(workflow, 30)) != self.verb.expected:
                problems.append(f"it ended {state}")
            numbers = [event.sequence for event in events.of_workflow(workflow)]
            if numbers != list(range(1, len(numbers) + 1)):
                problems.append(f"its history is {numbers}")
        return problems + self._at_bvbrc(engine, ids)

    def _at_bvbrc(self, engine: Engine, ids: list[str]) -> list[str]:
        made = engine.simulator.jobs(owner=engine.user)
        known = {job["_id"]: job.get("job_id") for job in collection(models.Job).find()}
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

    def _engine(self, mongo: str, url: str, fuse: Fuse) -> Engine:
        models.open_database(mongo, f"crash_{self.name}")
        models.ensure_indexes()
        return engine_of(Simulator(url), f"{self.name}@bvbrc", fuse)


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
    found = {"verb": point.verb.name, "effect": point.effect, "died": died == DIED}
    say(found | {"problems": problems})
    if died != DIED:
        os._exit(3)


def main(mongo: str, url: str) -> None:
    """Each verb's points one after the other until a process survives; verbs side by side."""
    simulator = Simulator(url)
    simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    simulator.switch(kill_lag_seconds=0.2)
    simulator.close()
    waiting = [(verb, 0) for verb in VERBS]
    going: dict[int, tuple[Verb, int]] = {}
    while waiting or going:
        while waiting and len(going) < TOGETHER:
            verb, effect = waiting.pop(0)
            point = Point(verb, effect)
            going[forked(lambda point=point: follow(point, mongo, url))] = (verb, effect)  # type: ignore[misc]
        pid, status = os.wait()
        verb, effect = going.pop(pid)
        if os.waitstatus_to_exitcode(status) == 0:
            waiting.append((verb, effect + 1))
        elif os.waitstatus_to_exitcode(status) != 3:
            say({"verb": verb.name, "effect": effect, "died": True, "problems": ["it broke"]})


if __name__ == "__main__":
    main(*sys.argv[1:])
