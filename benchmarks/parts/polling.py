"""From a job's end to its successor's start: ``python -m benchmarks.parts.polling``.

A simulation of the product's own rules in virtual time: no server, and the same result on every
machine. A user has so many jobs at AppService; where one ends, the next one starts when that has
been seen. Runs are log-normal, waits are a mixture of an idle and a busy queue. Calls are batched:
one asks about all jobs of a user that are due. The history is what 400 earlier jobs of each app
tell. The bar: half the median at no more calls. For one job at a time in an idle queue no schedule
reaches it, unless some apps pay for others: ``least_median_ratio``, see ``polling_bound.py``.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import mean, median, quantiles
from typing import Final

from benchmarks.parts.polling_bound import least_ratio
from benchmarks.tools.measure import Row, result, table
from workflows.rules.poll_forecast import LATE, Curve, Outlook, spacing
from workflows.rules.poll_schedule import due, early_looks

BASE: Final = timedelta(seconds=10)
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
HANDOVER: Final = timedelta(seconds=0.5)
"""From the poll that sees an end to the start of the next job."""
APPS: Final[Mapping[str, tuple[float, float, float]]] = {
    "SimilarGenomeFinder": (20, 0.5, 1),
    "BLAST": (45, 0.7, 2),
    "FastqUtils": (240, 0.6, 2),
    "GenomeAnnotation": (600, 0.5, 3),
    "TaxonomicClassification": (700, 0.6, 1),
    "Variation": (900, 0.7, 1),
    "GenomeAssembly2": (1500, 0.8, 3),
    "CodonTree": (1800, 0.9, 1),
    "ComprehensiveGenomeAnalysis": (3600, 0.6, 1.5),
    "RNASeq": (5400, 0.7, 0.7),
}
"""The median of the run in seconds, the deviation of its logarithm, how often the app is used."""


def run_time(rng: random.Random, app: str) -> float:
    typical, deviation, _ = APPS[app]
    return rng.lognormvariate(math.log(typical), deviation)


def wait_time(rng: random.Random, *, busy: bool) -> float:
    """Jobs start soon; in a busy queue three in ten wait for minutes or hours."""
    typical, deviation = (500, 1.0) if busy and rng.random() < 0.3 else (10, 0.6)
    return rng.lognormvariate(math.log(typical), deviation)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a user does."""

    jobs: int
    """At a time."""
    busy: bool = True
    """Whether BV-BRC's queue is."""
    apps: Sequence[str] = tuple(APPS)

    def __str__(self) -> str:
        only = "" if len(self.apps) > 1 else f", only {self.apps[0]}"
        return f"{self.jobs} at a time, {'busy' if self.busy else 'idle'} queue{only}"


@dataclass(slots=True)
class Job:
    """One job of a user."""

    key: str
    stream: int
    app: str
    submitted_at: datetime
    started_at: datetime
    ended_at: datetime
    seen_start: datetime | None = None


@dataclass
class User:
    """Works, and is polled as ``workflows/engine/jobs/poll.py`` does it."""

    scene: Scene
    outlooks: Mapping[str, Outlook]
    """By app; empty: the fixed schedule alone."""
    seed: str
    calls: int = 0
    ids: int = 0
    delays: list[float] = field(default_factory=list)
    """Seconds from the end of a job to the start of the next one."""

    def work(self, hours: float) -> User:
        self._streams = [random.Random(f"{self.seed}/{at}") for at in range(self.scene.jobs)]
        self._early: dict[datetime, list[Job]] = {}
        self._jobs = [self._submit(at, BEGIN + 7 * at * SECOND) for at in range(self.scene.jobs)]
        self._last, self._planned = BEGIN, BEGIN + timedelta(days=10_000)
        now, interval = BEGIN, BEGIN + 3 * SECOND
        while now < BEGIN + timedelta(hours=hours):
            now += SECOND
            young = self._early.pop(now, [])
            if now == interval:
                interval += BASE
                self._look(now, [job for job in self._jobs if self._is_due(job, now)], plans=True)
            if young or now >= self._planned:
                self._look(now, [job for job in self._jobs if job in young], plans=False)
        return self

    def _submit(self, stream: int, at: datetime) -> Job:
        rng = self._streams[stream]
        app = rng.choices(self.scene.apps, [APPS[app][2] for app in self.scene.apps])[0]
        start = at + timedelta(seconds=wait_time(rng, busy=self.scene.busy))
        end = start + timedelta(seconds=run_time(rng, app))
        job = Job(f"{stream}/{rng.random()}", stream, app, at, start, end)
        for age in early_looks(BASE):
            self._early.setdefault((at + age).replace(microsecond=0) + SECOND, []).append(job)
        return job

    def _is_due(self, job: Job, now: datetime) -> bool:
        return self._rate(job, now) is None and due(
            job.key, job.submitted_at, now - BASE, now, BASE
        )

    def _rate(self, job: Job, now: datetime) -> float | None:
        outlook = self.outlooks.get(job.app)
        return outlook and outlook.rate(job.submitted_at, job.seen_start, now, BASE)

    def _look(self, now: datetime, asked: list[Job], *, plans: bool) -> None:
        """Those that are due, and with them all that have a forecast."""
        rates = {job.key: rate for job in self._jobs if (rate := self._rate(job, now)) is not None}
        apart = spacing(rates.values(), BASE)
        if rates and (asked or now - self._last >= apart - LATE):
            asked = [job for job in self._jobs if job in asked or job.key in rates]
            self._last, plans = now, True
        if rates and plans:
            self._planned = max(self._last + apart, now + SECOND)
        elif now >= self._planned:
            self._planned = now + timedelta(days=10_000)
        if asked:
            self._ask(now, asked)

    def _ask(self, now: datetime, asked: Sequence[Job]) -> None:
        self.calls += 1
        self.ids += len(asked)
        for job in asked:
            if job.ended_at <= now:
                self.delays.append((now + HANDOVER - job.ended_at).total_seconds())
                self._jobs[self._jobs.index(job)] = self._submit(job.stream, now + HANDOVER)
            elif job.started_at <= now:
                job.seen_start = job.started_at


def history(*, busy: bool) -> dict[str, Outlook]:
    """What 400 earlier jobs of each app tell."""
    rng = random.Random("history")
    waits = Curve(_quantile([wait_time(rng, busy=busy) for _ in range(400)]))
    return {
        app: Outlook(waits, Curve(_quantile([run_time(rng, app) for _ in range(400)])))
        for app in APPS
    }


def _quantile(durations: list[float]) -> Callable[[float], float]:
    ordered = sorted(durations)
    return lambda part: ordered[int(part * (len(ordered) - 1))]


def compare(scene: Scene, job_hours: float, seed: int) -> tuple[Row, list[User]]:
    """Both schedules on the same jobs."""
    hours = job_hours / scene.jobs
    fixed = User(scene, {}, f"{seed}").work(hours)
    forecast = User(scene, history(busy=scene.busy), f"{seed}").work(hours)
    return {"scene": str(scene), **figures(fixed, forecast)}, [fixed, forecast]


def figures(fixed: User, forecast: User) -> Row:
    """Calls are those for a job, since a user who waits less runs more of them."""
    found: Row = {}
    for name, user in (("fixed", fixed), ("forecast", forecast)):
        found[f"{name}_calls_a_job"] = round(user.calls / len(user.delays), 2)
        found[f"{name}_ids_a_call"] = round(user.ids / user.calls, 2)
        found[f"{name}_median_s"] = round(median(user.delays), 2)
        found[f"{name}_mean_s"] = round(mean(user.delays), 2)
        found[f"{name}_p90_s"] = round(quantiles(user.delays, n=10)[-1], 2)
    found["calls_ratio"] = round(found["forecast_calls_a_job"] / found["fixed_calls_a_job"], 3)
    found["median_ratio"] = round(found["forecast_median_s"] / found["fixed_median_s"], 3)
    return found


SCENES: Final = [
    *(Scene(jobs) for jobs in (1, 2, 6, 20)),
    *(Scene(jobs, busy=False) for jobs in (1, 2, 6, 20)),
    *(Scene(2, apps=[app]) for app in ("BLAST", "GenomeAnnotation", "ComprehensiveGenomeAnalysis")),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job-hours", type=float, default=160, help="of each scene")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with result("polling", vars(asked)) as found:
        scenes = [compare(scene, asked.job_hours, asked.seed) for scene in SCENES]
        found["scenes"] = [row for row, _ in scenes]
        all_users = [users for _, users in scenes[:8]]
        found["all apps"] = figures(*(_join(each) for each in zip(*all_users, strict=True)))
        found["least_median_ratio"] = round(least_ratio(APPS, BASE), 3)
        found["bars"] = {"median_ratio": 0.5, "calls_ratio": 1.0}
        table(found["scenes"])
        print(found["all apps"], found["least_median_ratio"])


def _join(users: Sequence[User]) -> User:
    delays = [each for user in users for each in user.delays]
    calls, ids = sum(user.calls for user in users), sum(user.ids for user in users)
    return User(users[0].scene, {}, "", calls, ids, delays)


if __name__ == "__main__":
    main()
