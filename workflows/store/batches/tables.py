"""The template and the table of each batch: compressed in MongoDB, cached by each process.

A table only grows, so what a process keeps is good for all rows that it holds.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from workflows.model.errors import Invalid, NotFound, Problem
from workflows.model.values import Json
from workflows.spec.batches.check import CheckedBatch
from workflows.spec.batches.gather import Gather
from workflows.spec.batches.planned import AnyBatch, PlannedBatch
from workflows.spec.batches.table import Row, Table
from workflows.spec.batches.template import Template, find_uses
from workflows.store import documents
from workflows.store.byte_cache import ByteCache
from workflows.store.mongo import collection, translate_errors

LARGEST_BYTES: Final = 15 * 1024 * 1024
"""Of a table as it is stored; a document of MongoDB takes a little more."""
KEPT_BYTES: Final = 64 * 1024 * 1024
"""What the tables that a process keeps may take in memory together."""
_TIMES: Final = 4
"""A table takes so many times its JSON in memory."""
_LEVEL: Final = 6


def encode(checked: AnyBatch) -> bytes:
    """A batch as it is stored; raises ``Invalid`` where it is too large for that."""
    table = checked.table
    rows = [[row.number, row.sample, dict(row.cells), dict(row.values)] for row in table.rows]
    content = {**_encode_source(checked), "columns": table.columns, "rows": rows}
    if checked.gather:
        content["gather"] = checked.gather.as_json()
    encoded = _compress(content)
    if len(encoded) > LARGEST_BYTES:
        message = f"the batch takes {len(encoded)} bytes to keep; at most {LARGEST_BYTES} fit"
        raise Invalid([Problem("", "document_too_large", message, "make several batches of it")])
    return encoded


def _encode_source(checked: AnyBatch) -> dict[str, Any]:
    if isinstance(checked, CheckedBatch):
        return {"template": checked.template.as_json()}
    return {
        "planned": {
            "name": checked.name,
            "source": checked.source,
            "request": checked.request,
            "outputs": checked.outputs,
            "labels": checked.labels,
            "steps": checked.steps,
        }
    }


def encode_request(fields: Mapping[str, Json]) -> bytes:
    """What was submitted besides the rows, as it is stored."""
    return _compress(fields)


def _compress(found: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(found, separators=(",", ":")).encode(), _LEVEL)


def get_request(batch: str) -> dict[str, Json] | None:
    """What was submitted besides the rows; None of a batch that was stored without it."""
    with translate_errors():
        row = collection(documents.BatchTable).find_one({"_id": batch}, {"request": 1})
    found: dict[str, Json] | None = None
    if row and "request" in row:
        found = json.loads(zlib.decompress(row["request"]))
    return found


def get(batch: str, rows: int) -> AnyBatch:
    """The table, with that many rows or more, and what its workflows are made from; of a planned
    batch without the plans. Raises ``NotFound``.
    """
    found = _kept(batch)
    if len(found.table.rows) < rows:  # rows were added since this process read it
        _kept.forget(batch)
        found = _kept(batch)
    return found


def forget(batch: str) -> None:
    """The batch was deleted: this process keeps its table no longer."""
    _kept.forget(batch)


def _load(batch: str) -> tuple[AnyBatch, int]:
    with translate_errors():
        row = collection(documents.BatchTable).find_one({"_id": batch}, {"content": 1})
    if row is None:
        raise NotFound(f"There is no batch '{batch}'.")
    text = zlib.decompress(row["content"])
    return _decode(json.loads(text)), _TIMES * len(text)


def _decode(found: dict[str, Any]) -> AnyBatch:
    rows = tuple(
        Row(number, cells, sample, values) for number, sample, cells, values in found["rows"]
    )
    table = Table(tuple(found["columns"]), rows)
    gather = Gather(**found["gather"]) if "gather" in found else None
    if planned := found.get("planned"):
        fields = {**planned, "outputs": tuple(planned["outputs"]), "table": table}
        return PlannedBatch(**fields, gather=gather)
    template = Template(found["template"]["document"], found["template"]["folder_a_row"])
    return CheckedBatch(template, table, find_uses(template.document), gather)


_kept: Final = ByteCache(_load, KEPT_BYTES)
