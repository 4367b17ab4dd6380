"""Batches in the storm: a small table of samples, to which rows may be added, and its judge."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.chaos.workload import FINAL, Promise

Json = Any


@dataclass
class BatchPromise:
    """A batch that a user submits: until it is accepted, it has no id."""

    user: str
    name: str
    rows: int
    further: int
    """Rows that are still to be added."""
    document: dict[str, Json]
    id: str = ""
    ended: str = ""

    @property
    def addition(self) -> dict[str, Json]:
        """What adds the further rows."""
        return {"samples": _samples(self.rows, self.further)}


def draft_batch(user: str, name: str, folder: str, rng: random.Random) -> BatchPromise:
    """Two to five samples of one step; to every second batch, one or two are added."""
    rows = rng.randint(2, 5)
    step: dict[str, Json] = {
        "step_name": "s0",
        "app": "Date",
        "params": {"output_path": "${workspace_output_folder}", "output_file": f"{name}_s0"},
    }
    document = {
        "name": name,
        "workflow": {
            "workflow_name": name,
            "version": "1.0",
            "base_context": {
                "base_url": "https://www.bv-brc.org",
                "workspace_output_folder": folder,
            },
            "steps": [step],
            "reuse": "never",
        },
        "samples": _samples(0, rows),
        "max_active": 2,
    }
    return BatchPromise(user, name, rows, rng.choice((0, 1, 2, 0)), document)


def _samples(first: int, count: int) -> list[dict[str, str]]:
    return [{"sample": f"S{number}"} for number in range(first, first + count)]


def row_promises(
    batches: Iterable[BatchPromise], rows: Mapping[str, Sequence[Mapping[str, Json]]]
) -> list[Promise]:
    """What was promised of each workflow that a batch has. ``rows``: MongoDB's, by batch."""
    return [
        Promise(
            row["_id"],
            batch.user,
            row["name"],
            1,
            "succeeded",
            row["created_at"].timestamp(),
            ended=row["state"] if row["state"] in FINAL else "",
        )
        for batch in batches
        for row in rows.get(batch.id, ())
    ]


def miscounts(
    batches: Iterable[BatchPromise], rows: Mapping[str, Sequence[Mapping[str, Json]]]
) -> list[str]:
    """The batches that have not exactly one workflow for each sample, and what they have."""
    known = {batch.id: batch for batch in batches if batch.id}
    found = [f"batch {each} was never promised" for each in rows if each not in known]
    for each, batch in known.items():
        samples = Counter(row["sample"] for row in rows.get(each, ()))
        wanted = {f"S{number}" for number in range(batch.rows)}
        if batch.further:
            found.append(f"batch {each} was not answered when rows were added")
        elif set(samples) != wanted or samples.total() != batch.rows:
            found.append(f"batch {each} of {batch.rows} has workflows of {dict(samples)}")
        if batch.ended not in FINAL:
            found.append(f"batch {each} ended {batch.ended or 'never'}")
    return found
