"""Was every promise kept? Judged from what the simulator, the API and MongoDB hold afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.chaos.workload import Promise

Json = Any
ENDED_AT_BVBRC = frozenset("CFTD")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is there when all is quiet again."""

    promises: Sequence[Promise]
    bvbrc_jobs: Sequence[Mapping[str, Json]]
    """As the simulator lists them."""
    starts: Sequence[Mapping[str, Json]]
    """The ledger's calls of start_app2."""
    stored_jobs: Mapping[str, Mapping[str, Json]]
    """MongoDB's jobs by submission key."""
    events: Mapping[str, Sequence[Mapping[str, Json]]]
    """MongoDB's events by workflow, in order."""
    peaks: Mapping[str, int]
    """The most jobs of each workflow that were in flight at once."""
    cap: int


@dataclass
class Verdict:
    """The figures; the first six must be 0."""

    duplicates: int = 0
    lost_workflows: int = 0
    orphan_jobs: int = 0
    cap_breaches: int = 0
    jobs_outliving_a_cancel: int = 0
    started_after_a_cancel: int = 0
    broken_histories: int = 0
    workflows: int = 0
    jobs: int = 0
    cancelled: int = 0
    longest_stall_seconds: float = 0.0
    """The longest time between two events of a workflow, its jobs' own time included."""
    details: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        return not any(
            (
                self.duplicates,
                self.lost_workflows,
                self.orphan_jobs,
                self.cap_breaches,
                self.jobs_outliving_a_cancel,
                self.started_after_a_cancel,
                self.broken_histories,
            )
        )

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


def audit(facts: Facts) -> Verdict:
    found = Verdict(
        workflows=len(facts.promises),
        jobs=len(facts.bvbrc_jobs),
        cancelled=sum(promise.expected == "cancelled" for promise in facts.promises),
    )
    for check in (_duplicates, _lost, _orphans, _cap, _cancels, _histories):
        check(facts, found)
    return found


def _duplicates(facts: Facts, found: Verdict) -> None:
    keys = Counter(job["user_metadata"] for job in facts.bvbrc_jobs)
    places = Counter((job["output_path"], job["output_file"]) for job in facts.bvbrc_jobs)
    for what, counts in (("key", keys), ("output", places)):
        for name, count in counts.items():
            if count > 1:
                found.duplicates += count - 1
                found.details.append(f"{count} jobs of one {what}: {name}")


def _lost(facts: Facts, found: Verdict) -> None:
    for promise in facts.promises:
        if promise.ended != promise.expected:
            found.lost_workflows += 1
            found.details.append(
                f"{promise.workflow} ended {promise.ended or 'never'}, not {promise.expected}"
            )


def _orphans(facts: Facts, found: Verdict) -> None:
    for job in facts.bvbrc_jobs:
        stored = facts.stored_jobs.get(job["user_metadata"])
        if stored is None or stored.get("job_id") != str(job["id"]):
            found.orphan_jobs += 1
            found.details.append(f"job {job['id']} of {job['user_metadata']} is not known to us")


def _cap(facts: Facts, found: Verdict) -> None:
    for workflow, peak in facts.peaks.items():
        if peak > facts.cap:
            found.cap_breaches += 1
            found.details.append(f"{workflow} had {peak} jobs in flight")


def _cancels(facts: Facts, found: Verdict) -> None:
    by_workflow = defaultdict(list)
    for job in facts.bvbrc_jobs:
        by_workflow[job["user_metadata"].partition("/")[0]].append(job)
    for promise in facts.promises:
        if promise.cancelled_at is None:
            continue
        alive = [
            job["id"] for job in by_workflow[promise.workflow] if job["state"] not in ENDED_AT_BVBRC
        ]
        found.jobs_outliving_a_cancel += len(alive)
        late = _started_late(facts, promise)
        found.started_after_a_cancel += len(late)
        found.details += [f"{promise.workflow} was cancelled, but {each}" for each in alive + late]


def _started_late(facts: Facts, promise: Promise) -> list[str]:
    """Starts that came in after the answer to the cancel, of steps it called never started."""
    never = {name for name, outcome in promise.receipts.items() if outcome == "never_started"}
    return [
        f"step {call['output_file']} started {call['began'] - promise.cancelled_at:.3f} s after"
        for call in facts.starts
        if promise.cancelled_at is not None
        and call["user_metadata"].startswith(f"{promise.workflow}/")
        and call["began"] > promise.cancelled_at
        and call["output_file"].removeprefix(f"{promise.name}_").removesuffix("_fails") in never
    ]


def _histories(facts: Facts, found: Verdict) -> None:
    """Each history is gapless, and its last event of the workflow is its end."""
    for promise in facts.promises:
        events = facts.events.get(promise.workflow, ())
        numbers = [event["sequence"] for event in events]
        if numbers != list(range(1, len(numbers) + 1)):
            found.broken_histories += 1
            found.details.append(f"{promise.workflow} has a broken history: {numbers}")
        times = [event["_id"].generation_time.timestamp() for event in events]
        stalls = [later - before for before, later in pairwise([promise.accepted_at, *times])]
        found.longest_stall_seconds = max([found.longest_stall_seconds, *stalls])
