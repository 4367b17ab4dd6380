"""What a run tells: what struck, how soon work went on, and whether every promise was kept."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from benchmarks.chaos.audit import Facts, Verdict, records

Json = Any


@dataclass
class Report:
    """What was done to the product, and how it took it."""

    seed: int
    seconds: float
    faults: dict[str, int]
    hits: dict[str, int]
    """Calls of AppService that its faults really disturbed."""
    recovery_seconds: dict[str, dict[str, float]]
    """For each kind: from its end to the next recorded progress of any workflow, to the ms."""
    cancel_to_kill_seconds: dict[str, float]
    verdict: Verdict
    skews: Sequence[str] = ()
    without: str = ""
    """The safeguard that was taken away."""
    log_megabytes: float = 0.0
    silences: Sequence[Json] = ()
    """The longest times in which nothing at all was recorded, and what went on then."""
    aftermath: Json = None
    """How soon work went on after the longest and the last fault."""

    def as_json(self) -> dict[str, Json]:
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "without": self.without,
            "skews": list(self.skews),
            "faults_total": sum(self.faults.values()),
            "faults": dict(sorted(self.faults.items())),
            "disturbed_calls": dict(sorted(self.hits.items())),
            "recovery_seconds": self.recovery_seconds,
            "cancel_to_kill_seconds": self.cancel_to_kill_seconds,
            "log_megabytes": round(self.log_megabytes, 1),
            "silences": list(self.silences),
            "aftermath": self.aftermath,
            "verdict": self.verdict.as_json(),
        }


def progress(facts: Facts) -> list[float]:
    """Unix times at which anything was recorded, by MongoDB's clock."""
    return sorted(record.at for record in records(facts))


def recovery(over: Sequence[tuple[str, float]], facts: Facts) -> dict[str, dict[str, float]]:
    times, waits = progress(facts), defaultdict(list)
    for kind, at in over:
        index = bisect_left(times, at)
        if index < len(times):
            waits[kind].append(times[index] - at)
    return {kind: spread(found) for kind, found in sorted(waits.items())}


def aftermath(spans: Sequence[tuple[str, float, float]], facts: Facts) -> Json:
    """Seconds from the end of the longest fault to the first record of a workflow
    (``something``), and from the end of the last fault also to when each workflow under way had one
    (``everything``): its jobs' own time and its turn in its user's caps are part of that.
    """
    if not spans:
        return None
    longest, last = max(spans, key=lambda span: span[2] - span[1]), max(span[2] for span in spans)
    kind, begun, ended = longest
    nexts = _next_records(last, facts)
    slowest = max(nexts, key=lambda workflow: nexts[workflow], default="")
    return {
        "longest": {
            "kind": kind,
            "lasted": round(ended - begun, 1),
            "something": _until_progress(ended, facts),
        },
        "last": {
            "something": _until_progress(last, facts),
            "everything": round(nexts[slowest], 1) if slowest else None,
            "slowest": slowest,
            "under_way": len(nexts),
        },
    }


def _until_progress(since: float, facts: Facts) -> float | None:
    times = progress(facts)
    index = bisect_left(times, since)
    return round(times[index] - since, 1) if index < len(times) else None


def _next_records(since: float, facts: Facts) -> dict[str, float]:
    """For each workflow that had begun by then and had not ended: seconds to its next record."""
    known, found = set(), dict[str, float]()
    for record in records(facts):
        if record.at < since:
            known.add(record.workflow)
        else:
            found[record.workflow] = min(
                record.at - since, found.get(record.workflow, float("inf"))
            )
    return {workflow: wait for workflow, wait in found.items() if workflow in known}


def silences(spans: Sequence[tuple[str, float, float]], facts: Facts, most: int = 5) -> list[Json]:
    """The longest times without any record while there were faults, the longest first; ``during``
    names the faults of those times that lasted longer than a second, with when they began and ended
    within it, ``after`` is the time from the end of the last one that lasted 20 s or more.
    """
    if not spans:
        return []
    begin, end = min(span[1] for span in spans), max(span[2] for span in spans)
    times = [at for at in progress(facts) if begin <= at <= end]
    gaps = sorted(pairwise([begin, *times, end]), key=lambda gap: gap[0] - gap[1])[:most]
    return [_silence(since, until, spans) for since, until in gaps]


def _silence(since: float, until: float, spans: Sequence[tuple[str, float, float]]) -> Json:
    during = [
        (kind, round(begun - since, 1), round(ended - since, 1))
        for kind, begun, ended in spans
        if begun < until and ended > since and ended - begun > 1
    ]
    long = [
        ended for _, begun, ended in spans if begun < until and ended > since and ended - begun > 20
    ]
    return {
        "at": round(since, 1),
        "seconds": round(until - since, 1),
        "after": round(max(0.0, until - min(until, max(long))), 1) if long else None,
        "during": during,
    }


def cancel_to_kill(facts: Facts) -> dict[str, float]:
    """From the answer to a cancel to the death of each job of the workflow at BV-BRC."""
    answered = {each.workflow: each.cancelled_at for each in facts.promises if each.cancelled_at}
    waits = [
        max(0.0, job["killed_at"] - at)
        for job in facts.bvbrc_jobs
        if (at := answered.get(job["user_metadata"].partition("/")[0])) and job.get("killed_at")
    ]
    return spread(waits) if waits else {}


def spread(found: Sequence[float]) -> dict[str, float]:
    return {
        "count": len(found),
        "median": round(median(found), 3),
        "worst": round(max(found), 3),
    }
