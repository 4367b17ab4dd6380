"""Jobs that a process has claimed and that have no answer yet: each of them may start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflows.model.states import JobState
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors


@dataclass(frozen=True, slots=True)
class InHand:
    """One of them."""

    key: str
    claim: str
    owner: str
    app: str
    workflow: str


_FIELDS = dict.fromkeys(("claim", "owner", "app", "workflow"), 1)
_SENDING: Row = {"state": JobState.SENDING}


def in_hand() -> list[InHand]:
    with translate_errors():
        return [
            InHand(row["_id"], row.get("claim") or "", row["owner"], row["app"], row["workflow"])
            for row in collection(documents.Job).find(_SENDING, _FIELDS)
        ]


def count_left(jobs: Sequence[InHand]) -> int:
    """How many of them are still in the same hands."""
    with translate_errors():
        rows = collection(documents.Job).find(
            {"_id": {"$in": [job.key for job in jobs]}, **_SENDING}, {"claim": 1}
        )
        claims = {row["_id"]: row.get("claim") or "" for row in rows}
    return sum(claims.get(job.key) == job.claim for job in jobs)
