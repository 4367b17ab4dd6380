"""Was every promise kept? Judged from what the simulator, the API and MongoDB hold afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from benchmarks.chaos.batches import BatchPromise, miscounts
from benchmarks.chaos.reuse import Contents, check_reuse
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
    user_peaks: Mapping[str, int] = field(default_factory=dict)
    """The same of each user."""
    user_cap: int = 1_000
    complaints: Mapping[str, int] = field(default_factory=dict)
    """How often the processes said that they met a defect."""
    heard: Mapping[str, Collection[int]] | None = None
    """Workflows to the numbers of their events that came to a webhook; None: there was none."""
    spoilt_messages: Sequence[str] = ()
    """Messages that came with two contents or a bad signature."""
    batches: Sequence[BatchPromise] = ()
    rows: Mapping[str, Sequence[Mapping[str, Json]]] = field(default_factory=dict)
    """MongoDB's workflows of each batch."""
    contents: Contents = field(default_factory=Contents)
    """With reuse: what users have written into their files."""


class Record(NamedTuple):
    """Something that was written of a workflow."""

    workflow: str
    at: float
    """Unix time by MongoDB's clock."""
    name: str


@dataclass
class Verdict:
    """The figures; those up to ``defects`` must be 0."""

    duplicates: int = 0
    lost_workflows: int = 0
    orphan_jobs: int = 0
    cap_breaches: int = 0
    jobs_outliving_a_cancel: int = 0
    started_after_a_cancel: int = 0
    broken_histories: int = 0
    lost_messages: int = 0
    """Events of which no webhook heard."""
    spoilt_messages: int = 0
    """Messages with two contents under one id, or a bad signature."""
    miscounted_batches: int = 0
    """Batches that have not exactly one workflow for each sample, or do not end."""
    wrongly_reused: int = 0
    """Steps that took the result of an earlier job, but not the one that their own would have."""
    defects: int = 0
    """What should be impossible, and was stopped by a second line of defence."""
    workflows: int = 0
    batches: int = 0
    jobs: int = 0
    cancelled: int = 0
    retried: int = 0
    """Workflows that were taken up again after they had failed."""
    further_attempts: int = 0
    """Jobs of attempts after the first."""
    reused: int = 0
    """Steps that took the result of an earlier job."""
    deleted_at_bvbrc: int = 0
    """Jobs that BV-BRC deleted."""
    failed_by_token: int = 0
    """Workflows that failed for steps with a job whose token ended first: BV-BRC fails it then."""
    longest_stall_seconds: float = 0.0
    """The longest time in which nothing was recorded of a workflow, its jobs' own time included."""
    longest_stall: str = ""
    """Whose that was, between which two records, and its begin in unix time."""
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
                self.lost_messages,
                self.spoilt_messages,
                self.miscounted_batches,
                self.wrongly_reused,
                self.defects,
            )
        )

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


def audit(facts: Facts) -> Verdict:
    found = Verdict(
        workflows=len(facts.promises),
        batches=len(facts.batches),
        jobs=len(facts.bvbrc_jobs),
        cancelled=sum(promise.expected == "cancelled" for promise in facts.promises),
        retried=sum(promise.retried for promise in facts.promises),
        deleted_at_bvbrc=sum(job["gone"] for job in facts.bvbrc_jobs),
        further_attempts=sum(not job["user_metadata"].endswith("/1") for job in facts.bvbrc_jobs),
    )
    checks = (_duplicates, _lost, _orphans, _cap, _cancels, _histories, _messages, _stalls)
    for check in (*checks, _batches, check_reuse, _defects):
        check(facts, found)
    return found


def _duplicates(facts: Facts, found: Verdict) -> None:
    keys = Counter(job["user_metadata"] for job in facts.bvbrc_jobs)
    places = defaultdict(set)
    for job in facts.bvbrc_jobs:
        places[job["output_path"], job["output_file"]].add(job["user_metadata"])
    outputs = {place: len(writers) for place, writers in places.items()}
    for what, counts in (("key", keys), ("output", outputs)):
        for name, count in counts.items():
            if count > 1:
                found.duplicates += count - 1
                found.details.append(f"{count} jobs of one {what}: {name}")


def _lost(facts: Facts, found: Verdict) -> None:
    outlived = _steps_of(job for job in facts.bvbrc_jobs if _outlived_its_token(job))
    deleted = _steps_of(job for job in facts.bvbrc_jobs if job["gone"])
    for promise in facts.promises:
        if promise.kept:
            continue
        failed = _failed_steps(facts, promise.workflow)
        may_fail = (promise.expected, promise.ended) == ("succeeded", "failed")
        if may_fail and failed and failed <= outlived | deleted:
            found.failed_by_token += not failed.isdisjoint(outlived)
        else:
            found.lost_workflows += 1
            found.details.append(
                f"{promise.workflow} ended {promise.ended or 'never'}, not {promise.expected}"
            )


def _outlived_its_token(job: Mapping[str, Json]) -> bool:
    return bool(job["state"] == "F" and job["token_expiry"] <= (job["ended"] or 0))


def _steps_of(jobs: Iterable[Mapping[str, Json]]) -> set[str]:
    """``<workflow>/<step>`` of each: one attempt that is spoilt is one too few for its step."""
    return {job["user_metadata"].rpartition("/")[0] for job in jobs}


def _failed_steps(facts: Facts, workflow: str) -> set[str]:
    """Likewise, those that are failed in the end."""
    last = {
        event["step"]: event["after"]
        for event in facts.events.get(workflow, ())
        if event["subject"] == "step"
    }
    return {f"{workflow}/{step}" for step, state in last.items() if state == "failed"}


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
    for user, peak in facts.user_peaks.items():
        if peak > facts.user_cap:
            found.cap_breaches += 1
            found.details.append(f"{user} had {peak} jobs in flight")


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
        and call["output_file"].removeprefix(f"{promise.name}_").partition("_")[0] in never
    ]


def _histories(facts: Facts, found: Verdict) -> None:
    """Each history is gapless, and its last event of the workflow is its end."""
    for promise in facts.promises:
        events = facts.events.get(promise.workflow, ())
        numbers = [event["sequence"] for event in events]
        states = [event["after"] for event in events if event["subject"] == "workflow"]
        if numbers != list(range(1, len(numbers) + 1)):
            found.broken_histories += 1
            found.details.append(f"{promise.workflow} has a broken history: {numbers}")
        elif promise.ended and states[-1:] != [promise.ended]:
            found.broken_histories += 1
            found.details.append(f"{promise.workflow} ended {promise.ended}, its events: {states}")


def _messages(facts: Facts, found: Verdict) -> None:
    """Each event of each workflow came to its user's webhook, under one id with one content."""
    found.spoilt_messages = len(facts.spoilt_messages)
    found.details += facts.spoilt_messages
    if facts.heard is None:
        return
    for promise in facts.promises:
        numbers = {event["sequence"] for event in facts.events.get(promise.workflow, ())}
        missing = sorted(numbers.difference(facts.heard.get(promise.workflow, ())))
        if missing:
            found.lost_messages += len(missing)
            found.details.append(f"no webhook heard of {promise.workflow}'s events {missing}")


def _batches(facts: Facts, found: Verdict) -> None:
    wrong = miscounts(facts.batches, facts.rows)
    found.miscounted_batches = len(wrong)
    found.details += wrong


def _stalls(facts: Facts, found: Verdict) -> None:
    times = {promise.workflow: [(promise.accepted_at, "accepted")] for promise in facts.promises}
    for record in records(facts):
        if record.workflow in times:
            times[record.workflow].append((record.at, record.name))
    stalls = [
        (after[0] - before[0], f"{workflow}: from {before[1]} at {before[0]:.0f} to {after[1]}")
        for workflow, each in times.items()
        for before, after in pairwise(sorted(each))
    ]
    seconds, found.longest_stall = max(stalls, default=(0.0, ""))
    found.longest_stall_seconds = round(seconds, 1)


def records(facts: Facts) -> Iterator[Record]:
    """What MongoDB holds of times: a job's are those of its last submission, events stay."""
    for workflow, events in facts.events.items():
        for event in events:
            yield Record(workflow, event["at"].timestamp(), f"event {event['sequence']}")
    for key, job in facts.stored_jobs.items():
        for name in ("intended_at", "sent_at", "submitted_at", "finished_at"):
            if job.get(name):
                yield Record(job["workflow"], job[name].timestamp(), f"{name} of {key}")


def _defects(facts: Facts, found: Verdict) -> None:
    for text, count in facts.complaints.items():
        found.defects += count
        found.details.append(f"said {count} times: {text}")
