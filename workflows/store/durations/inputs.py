"""How large the inputs of jobs are, as far as it was noted before they were sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors


def sum_bytes(inputs: Iterable[Row]) -> int | None:
    """Of the inputs of one job; None without any, and where one is no plain file: a folder, or a
    job's results."""
    sizes = [None if "content" in each["holds"] else each["holds"].get("size") for each in inputs]
    return sum(size for size in sizes if size) if sizes and None not in sizes else None


def input_bytes(workflows: Collection[str]) -> dict[str, int]:
    """Of the open jobs of these workflows, by key; those that are not known are missing."""
    query = {"workflow": {"$in": list(workflows)}, "open": True}
    fields = {"basis.inputs.holds.size": 1, "basis.inputs.holds.content": 1}
    with translate_errors():
        rows = list(collection(documents.Job).find(query, fields))
    read = {row["_id"]: sum_bytes((row.get("basis") or {}).get("inputs") or ()) for row in rows}
    return {key: size for key, size in read.items() if size is not None}
