"""Random workflows, and what must become of each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.client import Simulator

Json = Any
FOLDER = "/chaos@bvbrc/home/run"
FINAL = ("succeeded", "failed", "cancelled")
ASSEMBLY, ANNOTATION = "GenomeAssembly2", "GenomeAnnotation"
ORGANISM = {"scientific_name": "Escherichia coli", "code": 11, "domain": "Bacteria"}
FAILS, FLAKY, ONCE, SLOW = "fails", "flaky", "once", "slow"
"""Ends of output names: every attempt fails; the first of several fails; the only one fails, and
succeeds when the user takes the workflow up again; it takes long, so that a cancel has something
to kill. A later attempt has a name of its own."""


@dataclass
class Promise:
    """A workflow that the API accepted, and how it must end."""

    workflow: str
    user: str
    name: str
    steps: int
    expected: str
    accepted_at: float
    cancel_at: float | None = None
    """When to cancel it, if at all."""
    cancelled_at: float | None = None
    """When the answer to the cancel came."""
    receipts: dict[str, str] = field(default_factory=dict)
    """Step names to the outcome that the cancel's answer gave."""
    retry: bool = False
    """It is to be taken up again after it has failed."""
    retried: bool = False
    ended: str = ""

    @property
    def kept(self) -> bool:
        return self.ended == self.expected


def courses(simulator: Simulator) -> None:
    """How the jobs of these workflows go."""
    simulator.app(queue_seconds=0.1, run_seconds=0.6, lag_seconds=0.1)
    simulator.app(output_file=f"*_{SLOW}", queue_seconds=0.1, run_seconds=4)
    for pattern in (f"*_{FAILS}*", f"*_{FLAKY}", f"*_{ONCE}"):
        simulator.app(output_file=pattern, outcome="failed", queue_seconds=0.1, run_seconds=0.3)


@dataclass(frozen=True, slots=True)
class Draft:
    """A workflow to submit."""

    document: dict[str, Json]
    expected: str
    retry: bool


@dataclass(frozen=True, slots=True)
class Files:
    """Where a user's workflows write, and the files of reads that they assemble."""

    folder: str = FOLDER
    reads: Sequence[str] = ()
    """With some, steps take the results of earlier jobs that computed the same."""


NO_FILES = Files()


def draft(name: str, rng: random.Random, most_steps: int = 8, files: Files = NO_FILES) -> Draft:
    """A random DAG of up to so many steps, and the state in which it must end."""
    count = rng.randint(1, most_steps)
    ends = rng.choices(("", FLAKY, SLOW), (8, 1, 1), k=count)
    bad = rng.choices(("", FAILS, ONCE), (8, 1, 1))[0]
    if bad:
        ends[rng.randrange(count)] = bad
    steps: list[dict[str, Json]] = []
    for index, end in enumerate(ends):
        step = _step(name, index, end, rng) if end else _any_step(name, steps, rng, files.reads)
        step["params"]["output_path"] = files.folder
        steps.append(step)
    document: dict[str, Json] = {
        "workflow_name": name,
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": files.folder,
        },
        "steps": steps,
        "reuse": "mine" if files.reads else "never",
    }
    if bad == FAILS and rng.random() < 0.3:
        document["on_failure"] = "cancel"
    return Draft(document, "failed" if bad else "succeeded", retry=bad == ONCE)


def _any_step(
    name: str, before: Sequence[dict[str, Json]], rng: random.Random, reads: Sequence[str]
) -> dict[str, Json]:
    """One in three assembles reads of the archive; with files of reads, one in two assembles one
    of these. Where steps before it do so, one in two annotates what one of them left in the
    Workspace."""
    step = _step(name, len(before), "", rng)
    assemblies = [each["step_name"] for each in before if each["app"] == ASSEMBLY]
    if assemblies and rng.random() < 0.5:
        contigs = f"${{steps.{rng.choice(assemblies)}.outputs.contigs}}"
        step["app"] = ANNOTATION
        step["params"] |= {"contigs": contigs, **ORGANISM}
    elif reads and rng.random() < 0.5:
        step["app"] = ASSEMBLY
        step["params"] |= {"single_end_libs": [{"read": rng.choice(reads)}], "recipe": "auto"}
    elif rng.random() < 0.33:
        step["app"] = ASSEMBLY
        step["params"] |= {"srr_ids": ["SRR3584989"]}
    return step


def _step(name: str, index: int, end: str, rng: random.Random) -> dict[str, Json]:
    needs = {f"s{rng.randrange(index)}" for _ in range(rng.randint(0, 2))} if index else set()
    step: dict[str, Json] = {
        "step_name": f"s{index}",
        "app": "Date",
        "params": {
            "output_path": FOLDER,
            "output_file": f"{name}_s{index}" + (f"_{end}" if end else ""),
        },
        "depends_on": sorted(needs),
    }
    if end == FLAKY:
        step["retry"] = {"max_attempts": 3, "backoff_seconds": 0.2}
    return step
