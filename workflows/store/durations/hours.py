"""Counts jobs by app and hour, and adds the hours up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ReplaceOne, UpdateOne

from workflows.model.values import Outcome
from workflows.rules.durations.histogram import Histogram
from workflows.rules.durations.history import AppHistory, Durations, join
from workflows.rules.durations.observation import Observation, count_hour
from workflows.store import documents
from workflows.store.durations.inputs import sum_bytes
from workflows.store.mongo import Row, collection, sound, translate_errors

HOUR: Final = timedelta(hours=1)
RAN: Final[Row] = {
    "outcome": Outcome.SUCCEEDED,
    "started_at": {"$type": "date"},
    "submitted_at": {"$type": "date"},
    "kill": {"$ne": True},
    "reused": None,
}
"""Jobs that ran and succeeded."""
_FIELDS: Final[Row] = {
    **dict.fromkeys(("app", "submitted_at", "started_at", "finished_at"), 1),
    "basis.inputs.holds.size": 1,
    "basis.inputs.holds.content": 1,
}


def next_end(since: datetime, until: datetime) -> datetime | None:
    """When the first job from ``since`` on and before ``until`` ended well."""
    query: Row = {"outcome": Outcome.SUCCEEDED, "finished_at": {"$gte": since, "$lt": until}}
    with translate_errors():
        row = collection(documents.Job).find_one(
            query, {"finished_at": 1}, sort=[("finished_at", 1)]
        )
    return row["finished_at"] if row else None


def count(hour: datetime) -> dict[str, AppHistory]:
    """The jobs that ended well in the hour, by app."""
    query = {**RAN, "finished_at": {"$gte": hour, "$lt": hour + HOUR}}
    with translate_errors():
        return count_hour(hour, _observe(collection(documents.Job).find(query, _FIELDS)))


def _observe(rows: Iterable[Row]) -> Iterator[Observation]:
    for row in rows:
        if found := sound(row, _observation):
            yield found


def _observation(row: Row) -> Observation:
    return Observation(
        row["app"],
        row["submitted_at"],
        row["started_at"],
        row["finished_at"],
        sum_bytes((row.get("basis") or {}).get("inputs") or ()),
    )


def store(hour: datetime, histories: Mapping[str, AppHistory]) -> None:
    """Once more is harmless. An hour that has been counted with more jobs stays: workflows may have
    been deleted since, and a process may come late with what it has read."""
    if not histories:
        return
    writes = [_keep_larger(hour, app, history) for app, history in histories.items()]
    with translate_errors():
        collection(documents.DurationHour).bulk_write(writes, ordered=False)


def _keep_larger(hour: datetime, app: str, history: AppHistory) -> UpdateOne:
    """One statement, which makes the document where it is missing."""
    larger = {"$gt": [history.observations, {"$ifNull": ["$count", 0]}]}
    fields = {
        "app": app,
        "hour": hour,
        "count": history.observations,
        "sizes": _write_sizes(history),
    }
    update = {
        name: {"$cond": [larger, {"$literal": value}, f"${name}"]} for name, value in fields.items()
    }
    return UpdateOne({"_id": f"{app}/{hour:%Y-%m-%dT%H}"}, [{"$set": update}], upsert=True)


def add_up(apps: Iterable[str]) -> None:
    """Renews the total of each app from its hours."""
    writes = []
    with translate_errors():
        for app in sorted(apps):
            total = join(history for _, history in _hours(app))
            row: Row = {"_id": app, "since": total.since, "until": total.until}
            row["sizes"] = _write_sizes(total)
            writes.append(ReplaceOne({"_id": app}, row, upsert=True))
        if writes:
            collection(documents.DurationTotal).bulk_write(writes, ordered=False)


def remove_older(hour: datetime) -> None:
    """Forget the hours before this one."""
    with translate_errors():
        collection(documents.DurationHour).delete_many({"hour": {"$lt": hour}})


def newest(app: str, most: int) -> list[tuple[datetime, AppHistory]]:
    """The app's newest hours with jobs, the newest first."""
    with translate_errors():
        return list(_hours(app, most))


def totals() -> dict[str, AppHistory]:
    """Of every app, all hours together."""
    with translate_errors():
        rows = list(collection(documents.DurationTotal).find())
    read = {row["_id"]: sound(row, _read_total) for row in rows}
    return {app: history for app, history in read.items() if history}


def _hours(app: str, most: int = 0) -> Iterator[tuple[datetime, AppHistory]]:
    rows = collection(documents.DurationHour).find({"app": app}).sort("hour", -1).limit(most)
    for row in rows:
        if history := sound(row, _read_hour):
            yield row["hour"], history


def _read_hour(row: Row) -> AppHistory:
    return AppHistory(_read_sizes(row), row["hour"], row["hour"])


def _read_total(row: Row) -> AppHistory:
    return AppHistory(_read_sizes(row), row["since"], row["until"])


def _read_sizes(row: Row) -> dict[int | None, Durations]:
    return {
        each["size"]: Durations(Histogram(dict(each["waits"])), Histogram(dict(each["runs"])))
        for each in row["sizes"]
    }


def _write_sizes(history: AppHistory) -> list[dict[str, Any]]:
    return [
        {
            "size": size,
            "waits": [list(each) for each in sorted(durations.waits.counts.items())],
            "runs": [list(each) for each in sorted(durations.runs.counts.items())],
        }
        for size, durations in history.by_size.items()
    ]
