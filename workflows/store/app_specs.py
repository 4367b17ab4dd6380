"""Stores the apps' specifications as BV-BRC last gave them, for all processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from workflows.store import documents
from workflows.store.mongo import NOW, ago, collection, query, translate_errors

_ID = "apps"

Specs = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored. ``specs`` is empty, and ``fetched_at`` None, before the first answer."""

    fetched_at: datetime | None
    specs: Specs


def load_kept() -> Kept:
    """The last answer. Read once by each process, until there is a newer one."""
    with translate_errors():
        kept = query(documents.AppSpecs, id=_ID).only("fetched_at").first()
        if kept is None or kept.fetched_at is None:
            return Kept(None, ())
        return Kept(kept.fetched_at, _specs(kept.fetched_at))


@lru_cache(maxsize=2)
def _specs(_fetched_at: datetime) -> Specs:
    kept = query(documents.AppSpecs, id=_ID).only("specs").first()
    specs: Specs = json.loads(kept.specs) if kept else ()
    return specs


def keep(specs: Specs) -> None:
    """Stores an answer in place of the one before."""
    update = {"$set": {"specs": {"$literal": json.dumps(specs)}, "fetched_at": NOW}}
    with translate_errors():
        collection(documents.AppSpecs).update_one({"_id": _ID}, [update], upsert=True)


def claim(stale: timedelta, again: timedelta) -> bool:
    """Whether the caller is the one to fetch them now.

    True for one caller if the last answer is older than ``stale`` or missing, and no caller has
    claimed the fetch within ``again``.
    """
    # A missing time is before every other.
    due = {"$and": [{"$lt": ["$fetched_at", ago(stale)]}, {"$lt": ["$asked_at", ago(again)]}]}
    with translate_errors():
        rows = collection(documents.AppSpecs)
        found = rows.find_one({"_id": _ID}, {"due": due})
        if found is None:
            rows.update_one({"_id": _ID}, {"$setOnInsert": {"asked_at": None}}, upsert=True)
        elif not found["due"]:
            return False
        done = rows.update_one({"_id": _ID, "$expr": due}, [{"$set": {"asked_at": NOW}}])
    return done.modified_count == 1
