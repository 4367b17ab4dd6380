"""What is stored is what the documents declare: at insertion, and after a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from mongoengine import ValidationError

from tests.engine.conftest import Engine, document
from workflows.store import documents
from workflows.store.insert_check import check_insert

SET_BY_MONGODB = ("created_at", "updated_at")
KINDS = [*documents.documents(), documents.AppSpecs]


def test_every_collection_is_read_back_through_its_class(engine: Engine) -> None:
    engine.ends(engine.submit(document("", "a")))

    read = {kind.__name__: list(kind.objects) for kind in KINDS}

    assert all(read[name] for name in ("Workflow", "Spec", "Job", "Event", "Lock"))
    for rows in read.values():
        for row in rows:
            row.validate()


@pytest.mark.parametrize(
    ("kind", "spoilt"),
    [
        (documents.Workflow, {"state": "nonsense"}),
        (documents.Workflow, {"bogus": 1}),
        (documents.Workflow, {"bogus": None}),
        (documents.Workflow, {"owner": None}),
        (documents.Job, {"state": "nonsense"}),
        (documents.Job, {"attempt": "first"}),
        (documents.Job, {"open": "yes"}),
        (documents.Event, {"sequence": None}),
    ],
    ids=str,
)
def test_what_a_document_does_not_declare_is_never_inserted(
    kind: type[Any], spoilt: dict[str, Any]
) -> None:
    needed = {"_id": "x", **NEEDED[kind]} if kind is not documents.Event else dict(NEEDED[kind])
    check_insert(kind, needed, SET_BY_MONGODB)

    with pytest.raises(ValidationError):
        check_insert(kind, needed | spoilt, SET_BY_MONGODB)


NEEDED: dict[type[Any], dict[str, Any]] = {
    documents.Workflow: {
        "owner": "alice",
        "name": "w",
        "step_count": 1,
        "spec": "x/1",
        "state": "pending",
        "cap": 2,
    },
    documents.Job: {
        "workflow": "x",
        "step": 0,
        "attempt": 1,
        "owner": "alice",
        "app": "Date",
        "state": "intended",
    },
    documents.Event: {
        "workflow": "x",
        "sequence": 1,
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "subject": "step",
    },
}
