"""One run of a workflow in virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

from workflows.rules.forecast.draws import Drawn
from workflows.rules.forecast.outset import Outset
from workflows.rules.forecast.starts import Starts

OUTSET: Final = -1
"""The cause of what goes on at the outset."""


@dataclass(frozen=True, slots=True)
class Course:
    """What happened in a run, by step; in seconds from the outset."""

    begins: dict[int, float]
    """When the jobs start at BV-BRC."""
    ends: dict[int, float]
    """When the engine learns that they have ended."""
    causes: dict[int, int]
    """The step whose end let the step start: one that it needs, or one whose place it took."""

    @property
    def end(self) -> float:
        """Of the workflow."""
        return max(self.ends.values(), default=0.0)

    def decisive_steps(self) -> list[int]:
        """The chain of steps that decided when the workflow ends, in the order of time."""
        if not self.ends:
            return []
        chain = [max(self.ends, key=lambda step: (self.ends[step], -step))]
        while (cause := self.causes[chain[-1]]) != OUTSET:
            chain.append(cause)
        return chain[::-1]


def run(outset: Outset, starts: Starts, drawn: Drawn) -> Course:
    """Let the workflow go on to its end; every job ends well."""
    course = Course({}, {}, {})
    begins, ends, causes = course.begins, course.ends, course.causes
    waits, runs = drawn.waits, drawn.runs
    for step in (*outset.in_flight, *starts.first()):
        causes[step] = OUTSET
        begins[step] = waits[step]
        ends[step] = waits[step] + runs[step]
    heap = [(end, step) for step, end in ends.items()]
    heap += [(at, OUTSET) for at in set(outset.retry_waits.values())]
    heapify(heap)
    while heap:
        now, step = heappop(heap)
        for following in starts.wake(now) if step == OUTSET else starts.after(step, now):
            causes[following] = step
            begins[following] = begin = now + waits[following]
            ends[following] = end = begin + runs[following]
            heappush(heap, (end, following))
    return course
