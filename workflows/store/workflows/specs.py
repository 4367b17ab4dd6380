"""Specs, cached by each process, since they never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from workflows.model.errors import NotFound
from workflows.spec.compiled_spec import CompiledSpec, compile_spec
from workflows.spec.document import spec_from
from workflows.store import documents
from workflows.store.byte_cache import ByteCache
from workflows.store.mongo import Row, collection, query, translate_errors

KEPT_BYTES: Final = 64 * 1024 * 1024
"""What the specs that a process keeps may take in memory together."""
_TIMES: Final = 3
"""A spec takes so many times its stored bytes in memory (measured: 2.8 with long texts)."""
_BYTES_A_STEP: Final = 2_000
_LEAST_BYTES: Final = 4_000


def get(spec_id: str) -> CompiledSpec:
    """Raises ``NotFound``."""
    return _kept(spec_id)


def _load(spec_id: str) -> tuple[CompiledSpec, int]:
    """The spec, and what it takes in memory."""
    raw = _raw(spec_id)
    made = compile_spec(spec_from(bson.decode(raw.raw)["document"]))
    return made, _LEAST_BYTES + _TIMES * len(raw.raw) + _BYTES_A_STEP * len(made.spec.steps)


def forget(spec_id: str) -> None:
    """The spec was deleted: this process keeps it no longer."""
    _kept.forget(spec_id)


def source(workflow: str) -> str:
    """What a workflow was made from, as JSON; raises ``NotFound`` where it was from nothing."""
    with translate_errors():
        spec = query(documents.Spec, id=f"{workflow}/1").only("source").first()
    if spec is None or not spec.source:
        raise NotFound(f"Workflow '{workflow}' was not made from anything else.")
    found: str = spec.source
    return found


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a workflow comes from; each is JSON, or empty if there is none."""

    source: str = ""
    """The CWL submission that it was made from."""
    request: str = ""
    """How it was asked for, in the terms of GA4GH WES."""

    def as_row(self) -> Row:
        fields = {"source": self.source, "request": self.request}
        return {name: text for name, text in fields.items() if text}


UNKNOWN_ORIGIN: Final = Origin()


def origin(workflow: str) -> Origin:
    """Raises ``NotFound`` where there is no such workflow."""
    with translate_errors():
        row = collection(documents.Spec).find_one(
            {"_id": f"{workflow}/1"}, {"source": 1, "request": 1}
        )
    if row is None:
        raise NotFound(f"There is no workflow '{workflow}'.")
    return Origin(row.get("source") or "", row.get("request") or "")


def document(spec_id: str) -> Row:
    """The normalised document as it was stored; raises ``NotFound``."""
    found: Row = bson.decode(_raw(spec_id).raw)["document"]
    return found


def _raw(spec_id: str) -> RawBSONDocument:
    """The stored bytes; raises ``NotFound``."""
    rows = collection(documents.Spec).with_options(CodecOptions(RawBSONDocument))
    with translate_errors():
        row = rows.find_one({"_id": spec_id}, {"document": 1})
    if row is None:
        raise NotFound(f"There is no spec '{spec_id}'.")
    return row


_kept: Final = ByteCache(_load, KEPT_BYTES)
