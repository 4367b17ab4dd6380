"""The log of all calls to the simulator with their outcomes, and a summary of excess calls."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.appservice.jobs import Job
from simulator.triggers import Subject, Unusable

Json = Any


@dataclass(slots=True)
class Call:
    """One request, as far as it got."""

    call_log: CallLog
    method: str
    subject: Subject
    params: Json
    began: float
    ended: float | None = None
    fault: str = ""
    answer: str = ""
    """``ok``, the head of an error, ``http <status>``, or the fault of the connection."""
    job_id: str = ""

    def end(self) -> None:
        """Records its end in the log that it began in, which a reset may have replaced."""
        self.call_log.end(self)

    def as_json(self) -> dict[str, Json]:
        text = json.dumps(self.params, sort_keys=True, default=str)
        return {
            "method": self.method,
            "user": self.subject.get("user", ""),
            "app": self.subject.get("app", ""),
            "request_id": self.subject.get("request_id", ""),
            "user_metadata": self.subject.get("user_metadata", ""),
            "output_path": self.subject.get("output_path", ""),
            "output_file": self.subject.get("output_file", ""),
            "job_id": self.job_id,
            "began": self.began,
            "ended": self.ended,
            "digest": hashlib.sha256(text.encode()).hexdigest()[:16],
            "fault": self.fault,
            "answer": self.answer,
        }


class CallLog:
    """Every call in the order of arrival; counts of all, also of those it no longer keeps."""

    def __init__(self, now: Callable[[], float], limit: int | None) -> None:
        self._now = now
        self.calls: deque[Call] = deque(maxlen=limit)
        self.counts: Counter[tuple[str, str]] = Counter()
        """By method and answer."""
        self.peaks: Counter[str] = Counter()
        """The most calls of a method that were open at a time."""
        self._open: Counter[str] = Counter()

    def begin(self, method: str, subject: Subject, params: Json) -> Call:
        call = Call(self, method, subject, params, self._now(), job_id=subject.get("job_id", ""))
        self.calls.append(call)
        self._open[method] += 1
        self.peaks[method] = max(self.peaks[method], self._open[method])
        return call

    def end(self, call: Call) -> None:
        call.ended = self._now()
        self._open[call.method] -= 1
        self.counts[call.method, call.answer] += 1

    def matching(self, wanted: Mapping[str, str]) -> Iterator[dict[str, Json]]:
        """Calls whose fields equal those ``wanted``; ``since`` is a unix time."""
        since = float(wanted.get("since") or 0)
        for call in self.calls:
            shown = call.as_json() if call.began >= since else None
            if shown is not None and fits(shown, wanted):
                yield shown

    def by_method(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for (method, answer), count in sorted(self.counts.items()):
            counts.setdefault(method, {})[answer] = count
        return counts


def fits(shown: Mapping[str, Json], wanted: Mapping[str, str]) -> bool:
    """Whether every field that is wanted has that value; a method also by its short name."""
    for name, value in wanted.items():
        if name in {"since", "limit"}:
            continue
        if name not in shown:
            raise Unusable(f"nothing to select by {name!r}; there are {', '.join(sorted(shown))}")
        have = str(shown[name])
        if value != have and not (name == "method" and have.endswith(f".{value}")):
            return False
    return True


def duplicates(jobs: Iterable[Job], key: Callable[[Job], str]) -> dict[str, list[str]]:
    """Keys that more than one job has, with the ids of those jobs."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        if name := key(job):
            found.setdefault(name, []).append(str(job.id))
    return {name: ids for name, ids in found.items() if len(ids) > 1}


def output_place(job: Job) -> str:
    return f"{job.output_path}/{job.output_file}" if job.output_file else ""


@dataclass(slots=True)
class Summary:
    """The figures that show whether an engine kept the rules."""

    jobs: Iterable[Job]
    call_log: CallLog
    peaks: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        jobs = list(self.jobs)
        return {
            "jobs": len(jobs),
            "states": dict(Counter(job.state for job in jobs)),
            "duplicates_by_user_metadata": duplicates(jobs, lambda job: job.user_metadata),
            "duplicates_by_output": duplicates(jobs, output_place),
            "peak_in_flight_by_user": self._peaks_of("user"),
            "peak_in_flight_by_workflow": self._peaks_of("workflow"),
            "calls": self.call_log.by_method(),
            "peak_open_calls": dict(self.call_log.peaks),
        }

    def _peaks_of(self, kind: str) -> dict[str, int]:
        return {name: most for (sort, name), most in self.peaks.items() if sort == kind and name}
