"""Was any result reused wrongly? The users change files while their steps look for results.

The truth is the simulator's: a result says what it was made from, a digest of app, parameters and
the contents of all inputs. Every step that took an earlier result is held against what its own job
would have been made from at that time.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import requests

from benchmarks.chaos.faults import Fault, Stage, Strike
from benchmarks.chaos.workload import ASSEMBLY, Files
from simulator.appservice.results import contigs_text, digest_of
from simulator.client import Refused, Simulator

if TYPE_CHECKING:
    from benchmarks.chaos.audit import Facts, Verdict

Json = Any
READS: Final = 3
"""Files of reads that each user has."""
MARGIN_SECONDS: Final = 2.0
"""How far the clocks of MongoDB and the driver may be apart."""
_PLACE: Final = frozenset({"output_path", "output_file"})


def reads_of(user: str) -> list[str]:
    return [f"/{user}/home/in/r{number}.fq" for number in range(READS)]


@dataclass(frozen=True, slots=True)
class Written:
    """A file got a content, at some time between two."""

    content: str
    begun: float
    done: float
    """Infinity where no answer came: it may be there or not, until the next content surely is."""


@dataclass
class Contents:
    """What users have written into files, and when."""

    written: defaultdict[str, list[Written]] = field(default_factory=lambda: defaultdict(list))
    """By path."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, simulator: Simulator, token: str, path: str, kind: str, content: str) -> None:
        """Other faults may be in the way; then it counts as possibly written."""
        begun, done = time.time(), math.inf
        entry = {"objects": [[path, kind, {}, content]], "overwrite": 1}
        with suppress(requests.RequestException, Refused):
            simulator.rpc(token, "Workspace.create", entry)
            done = time.time()
        with self._lock:
            before = self.written[path]
            before[:] = [replace(each, done=min(each.done, done)) for each in before]
            before.append(Written(content, begun, done))

    def between(self, path: str, since: float, until: float) -> list[str]:
        """What the users had in the file at any time between the two; empty where they never wrote
        it before."""
        history = self.written.get(path, ())
        before = [each for each in history if each.done < since]
        return [each.content for each in (*before[-1:], *history)
                if each in before[-1:] or (each.begun <= until and each.done >= since)]  # fmt: skip

    def touched(self, path: str, before: float) -> bool:
        """Whether a user has written the file by then."""
        return any(each.done < before for each in self.written.get(path, ()))


def put_files(simulator: Simulator, contents: Contents, user: str) -> Files:
    """The user's files of reads. The first object only makes the workspace that it is in."""
    simulator.put(simulator.token(user), f"/{user}/home/in/none")
    for path in reads_of(user):
        contents.write(simulator, simulator.token(user), path, "reads", f"{path} 0")
    return Files(f"/{user}/home/run", reads_of(user))


def overwrite_input(stage: Stage) -> Strike | None:
    """A user replaces one of the files that steps read."""
    user = stage.rng.choice([each.name for each in stage.users])
    path = stage.rng.choice(reads_of(user))
    return _overwrite(stage, user, path, "reads", f"{path} {stage.rng.random()}")


def overwrite_result(stage: Stage) -> Strike | None:
    """A user edits what a job has left."""
    ended = stage.stack.simulator.jobs(state="C", app=ASSEMBLY)
    if not ended:
        return None
    job = stage.rng.choice(ended[-20:])
    return _overwrite(
        stage, job["owner"], contigs_path(job), "contigs", f">edited {stage.rng.random()}"
    )


def _overwrite(stage: Stage, user: str, path: str, kind: str, content: str) -> Strike:
    assert stage.contents is not None
    simulator = stage.stack.simulator
    stage.contents.write(simulator, simulator.token(user), path, kind, content)
    return Strike()


REUSE: Final = [
    Fault("input-overwritten", 10, overwrite_input),
    Fault("result-overwritten", 6, overwrite_result),
]


def check_reuse(facts: Facts, found: Verdict) -> None:
    """Counts steps that took a result which their own job would not have had."""
    left = _left_by_jobs(facts)
    jobs = {job["user_metadata"]: job for job in facts.bvbrc_jobs if job["state"] == "C"}
    for key, stored in facts.stored_jobs.items():
        if not stored.get("reused"):
            continue
        found.reused += 1
        reason = _mistake(facts, stored, jobs.get(stored["reused"]["source"]), left)
        if reason:
            found.wrongly_reused += 1
            found.details.append(f"{key} took {stored['reused']['source']} wrongly: {reason}")


def _mistake(
    facts: Facts,
    stored: Mapping[str, Json],
    source: Mapping[str, Json] | None,
    left: Mapping[str, str],
) -> str:
    """Why the result was the wrong one; empty if it was right."""
    if source is None:
        return "that job has not succeeded"
    if source["owner"] != stored["owner"] or source["app"] != stored["app"]:
        return "that is a job of another user or app"
    since = stored["intended_at"].timestamp() - MARGIN_SECONDS
    until = stored["finished_at"].timestamp() + MARGIN_SECONDS
    held = {
        path: _held(facts.contents, path, left.get(path), since, until)
        for path in _paths(_without_place(stored["params"]))
    }
    if source["made_from"] not in _possible(stored, held):
        return f"it was made from something else than {held} in {stored['params']}"
    seen = facts.stored_jobs[stored["reused"]["source"]].get("outputs_seen", ())
    edited = [path for path, *_ in seen if facts.contents.touched(path, since)]
    return f"{edited[0]} had been edited" if edited else ""


def _possible(stored: Mapping[str, Json], held: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What the step's own job would have been made from, at any time of the look-up."""
    for chosen in product(*held.values()):
        contents = dict(zip(held, chosen, strict=True))
        yield digest_of(stored["app"], _fill(_without_place(stored["params"]), contents))


def _without_place(params: Mapping[str, Json]) -> dict[str, Json]:
    return {name: each for name, each in params.items() if name not in _PLACE}


def _held(
    contents: Contents, path: str, original: str | None, since: float, until: float
) -> list[str]:
    """What a file may have held in that time; ``original``: what a job had left there."""
    written = contents.between(path, since, until)
    if original is None or contents.touched(path, since):
        return written
    return [*written, original]


def _left_by_jobs(facts: Facts) -> dict[str, str]:
    """The contigs of each job that has succeeded, as it has written them."""
    return {
        contigs_path(job): contigs_text(job["made_from"])
        for job in facts.bvbrc_jobs
        if job["state"] == "C" and job["app"] == ASSEMBLY
    }


def contigs_path(job: Mapping[str, Json]) -> str:
    name = job["output_file"]
    return f"{job['output_path']}/.{name}/{name}_contigs.fasta"


def _paths(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("/"):
            yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _paths(each)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each)


def _fill(value: Json, contents: Mapping[str, str]) -> Json:
    """As the simulator reads inputs: base name and content in place of a path."""
    if isinstance(value, Mapping):
        return {name: _fill(each, contents) for name, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, contents) for each in value]
    if isinstance(value, str) and value in contents:
        return [value.rpartition("/")[2], contents[value]]
    return value
