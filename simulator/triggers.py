"""Conditions of a fault or a rule: its calls or jobs, the number of its uses, its probability."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Json = Any
Seconds = float | list[float] | None
"""A duration in seconds; ``[low, high]`` draws one; None means never."""

FIELDS = ("method", "app", "user", "user_metadata", "output_path", "output_file", "job_id", "path")
"""The fields that a trigger can be limited to, each by a shell pattern."""

Subject = Mapping[str, str]
"""The fields of a call or a job, by the names of ``FIELDS``; missing ones match nothing."""


class Unusable(ValueError):
    """A wrong control request; the text says why."""


@dataclass(slots=True)
class Trigger:
    """A fault or command to apply, and when."""

    id: int
    patterns: Mapping[str, str]
    effect: Mapping[str, Json]
    skip: int = 0
    """How many matches are let pass first."""
    count: int | None = None
    """How often it applies at most; None: always."""
    probability: float = 1.0
    hits: int = 0
    removed: asyncio.Event = field(default_factory=asyncio.Event)

    def applies(self, subject: Subject, rng: random.Random) -> bool:
        """Whether it applies now; counts if so."""
        if self.hits == self.count or not self._matches(subject):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.probability < 1 and rng.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def _matches(self, subject: Subject) -> bool:
        for name, pattern in self.patterns.items():
            value = subject.get(name)
            if value is None or not (
                fnmatchcase(value, pattern)
                or (name == "method" and fnmatchcase(value.partition(".")[2], pattern))
            ):
                return False
        return True

    def as_json(self) -> dict[str, Json]:
        limits = {"skip": self.skip, "count": self.count, "probability": self.probability}
        return {"id": self.id, "hits": self.hits, **self.patterns, **limits, **self.effect}


class Triggers:
    """The triggers of one sort, in the order in which they were set."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._all: list[Trigger] = []
        self._last_id = 0

    def add(self, settings: Mapping[str, Json]) -> Trigger:
        """From ``{<field>: pattern, skip, count, probability, <effect>…}``."""
        rest = dict(settings)
        self._last_id += 1
        trigger = Trigger(
            id=self._last_id,
            patterns={field: str(rest.pop(field)) for field in FIELDS if field in rest},
            skip=int(rest.pop("skip", 0)),
            count=rest.pop("count", None),
            probability=float(rest.pop("probability", 1)),
            effect=rest,
        )
        self._all.append(trigger)
        return trigger

    def first(self, subject: Subject) -> Trigger | None:
        return next(self.applying(subject), None) if self._all else None

    def applying(self, subject: Subject) -> Iterator[Trigger]:
        """Those that apply now; asking uses them up."""
        return (each for each in self._all if each.applies(subject, self._rng))

    def remove(self, trigger_id: int | None = None) -> None:
        """One, or all of them."""
        for each in self._all:
            if trigger_id in {None, each.id}:
                each.removed.set()
        self._all = [each for each in self._all if not each.removed.is_set()]

    def __iter__(self) -> Iterator[Trigger]:
        return iter(self._all)


def draw_seconds(seconds: Seconds, rng: random.Random) -> float | None:
    """One duration of those that ``seconds`` allows."""
    if isinstance(seconds, list):
        low, high = seconds
        return rng.uniform(low, high)
    return seconds
