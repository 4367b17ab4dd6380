"""The jobs of AppService and of the cluster behind it, and their moves over time.

``settle`` makes all moves that are due; every reader of jobs calls it first, so there are no
timers.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.switches import Switches
from simulator.triggers import Triggers, Unusable, draw_seconds

Json = Any

OUTCOMES = ("succeeded", "failed", "lost")
FIRST_ID, FIRST_CLUSTER_ID = 21_000_001, 900_001
CLUSTER_FAILURES = ("FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "CANCELLED", "BOOT_FAIL")
KILLED = frozenset(CLUSTER_FAILURES) - {"FAILED"}
"""Ends in which the app's script is killed with its tools: it leaves no result and no note."""


@dataclass(frozen=True, slots=True)
class JobScript:
    """The script of a job. Durations in seconds; None: not before a command of the test."""

    queue_seconds: float | None = 0.2
    pending_seconds: float | None = 0.0
    """At the cluster, without a start time yet."""
    run_seconds: float | None = 1.0
    lag_seconds: float | None = 0.2
    """From the end of the job, when its outputs are there, until its status says so."""
    hidden_seconds: float | None = 0.0
    """From its creation until AppService shows it."""
    outcome: str = "succeeded"
    cluster_status: str = ""
    """Slurm's word for the end; empty: COMPLETED or FAILED."""
    exit_code: int | None = None
    """What the job's wrapper reports; None: what that end usually leaves."""
    stdout: str = ""
    stderr: str = ""
    job_output: Json = None
    """What the app reports in its job_result; None: what that app usually does."""
    leaves: Sequence[str] | None = None
    """Files beside those with known names, in its hidden folder; None: what that app usually
    leaves."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A submission and its user."""

    owner: str
    app: str
    params: dict[str, Json]
    """As sent, with ``_preflight``; empty where the stored text is broken."""
    row: dict[str, Json]
    """The columns: output_path, output_file, base_url, parent_task, user_metadata, req_…."""
    token_expiry: float

    def as_subject(self) -> dict[str, str]:
        """The fields that a rule can be limited to."""
        names = ("output_path", "output_file")
        return {
            "user": self.owner,
            "app": self.app,
            "user_metadata": self.row["user_metadata"] or "",
            **{name: str(self.row[name] or "") for name in names},
        }


@dataclass(slots=True)
class Job:
    """One row of AppService's table of tasks, and its execution at the cluster."""

    id: int
    asked: Asked
    created: float
    course: JobScript
    state: str = "Q"
    cluster_id: int | None = None
    cluster_status: str = ""
    started: float | None = None
    ended: float | None = None
    finished: float | None = None
    """When the status became final."""
    killed_at: float | None = None
    word: str = ""
    """A status word shown instead of the true one."""
    hidden_until: float = 0.0
    gone: bool = False
    """The row is deleted."""
    archived: bool = False
    files: dict[str, str] = field(default_factory=dict)
    """What ``task_info`` serves."""
    made_from: str = ""
    """A digest of app, parameters and the contents of its inputs when it started; the contents of
    its results tell it."""
    generation: int = 0
    """Moves planned for an earlier generation no longer count."""

    @property
    def owner(self) -> str:
        return self.asked.owner

    @property
    def app(self) -> str:
        return self.asked.app

    @property
    def params(self) -> dict[str, Json]:
        return self.asked.params

    @property
    def row(self) -> dict[str, Json]:
        return self.asked.row

    @property
    def user_metadata(self) -> str:
        return self.row["user_metadata"] or ""

    @property
    def output_path(self) -> str:
        return str(self.row["output_path"] or "")

    @property
    def output_file(self) -> str:
        return str(self.row["output_file"] or "")

    def is_visible(self, now: float) -> bool:
        """Whether AppService shows it."""
        return not self.gone and self.hidden_until <= now


class Peaks:
    """How many jobs of a user and of a workflow are, and at most were, in flight."""

    def __init__(self) -> None:
        self._now: Counter[tuple[str, str]] = Counter()
        self.most: Counter[tuple[str, str]] = Counter()

    def count(self, job: Job, step: int) -> None:
        for key in (("user", job.owner), ("workflow", job.user_metadata.partition("/")[0])):
            self._now[key] += step
            self.most[key] = max(self.most[key], self._now[key])


class Jobs:
    """All jobs, and the moves they are due to make."""

    def __init__(self, switches: Switches, rules: Triggers, rng: random.Random) -> None:
        self.switches = switches
        self.rules = rules
        self.peaks = Peaks()
        self.on_start: Callable[[Job], None] = lambda _job: None
        self.on_end: Callable[[Job], None] = lambda _job: None
        self.on_change: Callable[[str], None] = lambda _owner: None
        """Called with the owner of a job whose status changed, except by a kill."""
        self._rng = rng
        self._by_id: dict[int, Job] = {}
        self._by_owner: dict[str, list[Job]] = defaultdict(list)
        self._by_metadata: dict[str, list[Job]] = defaultdict(list)
        self._ids = itertools.count(FIRST_ID)
        self._cluster_ids = itertools.count(FIRST_CLUSTER_ID)
        self._due: list[tuple[float, int, str, int]] = []
        self._submitted: Counter[str] = Counter()
        self._waiting: dict[str, deque[Job]] = defaultdict(deque)

    def __iter__(self) -> itertools.chain[Job]:
        return itertools.chain(self._by_id.values())

    def get(self, job_id: int) -> Job | None:
        return self._by_id.get(job_id)

    def of(self, owner: str) -> list[Job]:
        """In the order of their ids."""
        return self._by_owner.get(owner, [])

    def with_metadata(self, text: str) -> list[Job]:
        """Compared like a TEXT column: neither case nor trailing blanks matter."""
        return self._by_metadata.get(text.rstrip(" ").lower(), [])

    def create(self, asked: Asked, now: float) -> Job:
        job = Job(next(self._ids), asked, now, self._course(asked))
        job.hidden_until = now + (job.course.hidden_seconds or 0.0)
        self._by_id[job.id] = job
        self._by_owner[job.owner].append(job)
        if job.user_metadata:
            self._by_metadata[job.user_metadata.rstrip(" ").lower()].append(job)
        self.peaks.count(job, 1)
        self._plan(job, "release", now, job.course.queue_seconds)
        self.on_change(job.owner)
        return job

    def _course(self, asked: Asked) -> JobScript:
        """The script of a job by the rules; later rules win."""
        settings: dict[str, Json] = {}
        for rule in self.rules.applying(asked.as_subject()):
            settings |= rule.effect
        return course_of(settings, self._rng)

    def _plan(self, job: Job, move: str, at: float, delay: float | None) -> None:
        if delay is not None:
            heapq.heappush(self._due, (at + delay, job.id, move, job.generation))

    def settle(self, now: float) -> None:
        """Makes every move that is due, in the order of time."""
        while self._due and self._due[0][0] <= now:
            at, job_id, move, generation = heapq.heappop(self._due)
            job = self._by_id[job_id]
            if generation == job.generation:
                MOVES[move](self, job, at)

    def release(self, job: Job, at: float) -> None:
        """Q to S, if the owner has not too many there already."""
        cap = self.switches.max_submitted
        if cap and self._submitted[job.owner] >= cap:
            self._waiting[job.owner].append(job)
            return
        self._submitted[job.owner] += 1
        job.state = "S"
        job.cluster_id = next(self._cluster_ids)
        job.cluster_status = "PENDING"
        self._plan(job, "start", at, job.course.pending_seconds)
        self.on_change(job.owner)

    def start(self, job: Job, at: float) -> None:
        """The cluster runs it."""
        job.started = at
        job.cluster_status = "RUNNING"
        self.on_start(job)
        self._plan(job, "end", at, job.course.run_seconds)

    def end(self, job: Job, at: float) -> None:
        """The job's process exits; its outputs are there."""
        job.ended = at
        expired = self.switches.tokens_expire_in_jobs and job.asked.token_expiry <= at
        good = job.course.outcome == "succeeded" and not expired
        job.cluster_status = job.course.cluster_status or ("COMPLETED" if good else "FAILED")
        lag = job.course.lag_seconds
        if not expired:
            self.on_end(job)
        elif lag is not None:
            lag = max(lag, self.switches.check_seconds)
        self._plan(job, "close", at, lag)

    def close(self, job: Job, at: float) -> None:
        """AppService learns of the end."""
        job.finished = at
        job.state = "C" if job.cluster_status == "COMPLETED" else "F"
        job.gone = job.gone or job.course.outcome == "lost"
        self._free_place(job, at)
        self.on_change(job.owner)

    def _free_place(self, job: Job, at: float) -> None:
        """It no longer occupies a place; the owner's next waiting job takes it."""
        self.peaks.count(job, -1)
        if job.cluster_id is None:
            return
        self._submitted[job.owner] -= 1
        waiting = self._waiting[job.owner]
        while waiting and waiting[0].state != "Q":
            waiting.popleft()
        if waiting:
            self.release(waiting.popleft(), at)

    def kill(self, job: Job, now: float) -> str:
        """AppService's answer to the kill of an own job; "" if its state allows none."""
        if job.state == "Q":
            job.killed_at = job.finished = now
            job.state = "T"
            job.generation += 1
            self._free_place(job, now)
            return "Terminated"
        if job.state != "S":
            return ""
        job.killed_at = now
        if job.ended is None:
            job.generation += 1
            job.ended = now if job.started else None
            job.cluster_status = "CANCELLED"
            self._plan(job, "close", now, self.switches.kill_lag_seconds)
        return f"Canceled {job.cluster_id}"

    def delete(self, job: Job, now: float) -> None:
        """State D, which only an administrator's hand makes."""
        job.generation += 1
        job.state = "D"
        if job.finished is None:
            job.finished = now
            self._free_place(job, now)

    def refuse(self, job: Job, now: float) -> None:
        """The cluster does not take it: failed, without times or a reason (capture 283)."""
        if job.state != "Q":
            raise Unusable(f"job {job.id} has left the queue already")
        job.generation += 1
        job.state, job.finished = "F", now
        self._free_place(job, now)

    def hurry(self, job: Job, outcome: str, now: float) -> None:
        """Ends a job now, before its script does."""
        if job.finished is not None:
            raise Unusable(f"job {job.id} is final already")
        job.generation += 1
        settings = {"pending_seconds": None, "run_seconds": None, "lag_seconds": None}
        job.course = change_script(job.course, {**settings, "outcome": outcome})
        if job.state == "Q":
            self._submitted[job.owner] += 1
            job.state, job.cluster_id = "S", next(self._cluster_ids)
        if job.started is None:
            self.start(job, now)
        if job.ended is None:
            self.end(job, now)
        self.close(job, now)


Move = Callable[[Jobs, Job, float], None]
MOVES: Mapping[str, Move] = {
    "release": Jobs.release,
    "start": Jobs.start,
    "end": Jobs.end,
    "close": Jobs.close,
}


def course_of(settings: Mapping[str, Json], rng: random.Random) -> JobScript:
    """A course with durations drawn; raises ``Unusable`` on names and words it does not know."""
    values = {
        name: draw_seconds(value, rng) if name.endswith("_seconds") else value
        for name, value in settings.items()
    }
    return change_script(JobScript(), values)


def change_script(course: JobScript, values: Mapping[str, Json]) -> JobScript:
    fields = {name: getattr(course, name) for name in JobScript.__slots__}
    if unknown := set(values) - set(fields):
        raise Unusable(f"a job's course has no {', '.join(sorted(unknown))}")
    after = JobScript(**{**fields, **values})
    if after.outcome not in OUTCOMES:
        raise Unusable(f"no outcome {after.outcome!r}; there are {', '.join(OUTCOMES)}")
    return after
