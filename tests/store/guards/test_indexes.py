"""Indexes that are missing or stale are named, and only what is stale is dropped."""

from __future__ import annotations

import pymongo
import pytest

from workflows.model.errors import Unavailable
from workflows.store import documents, indexes
from workflows.store.mongo import collection

KEYS: indexes.Keys = [("nonsense", 1)]


@pytest.fixture(scope="module", autouse=True)
def indexed(opened: str) -> None:
    assert opened
    indexes.ensure()


def test_only_what_is_stale_and_of_that_collection_is_dropped() -> None:
    assert (indexes.missing(), indexes.stale()) == ([], [])
    for document in (documents.Workflow, documents.Batch):
        collection(document).create_index(KEYS)
    before = collection(documents.Workflow).index_information().keys()
    stale = [("batches", KEYS), ("workflows", KEYS)]
    assert sorted(indexes.stale()) == stale

    indexes.drop(stale[1:])

    assert indexes.stale() == stale[:1]
    assert before - collection(documents.Workflow).index_information().keys() == {"nonsense_1"}
    indexes.drop(stale[:1])
    assert (indexes.missing(), indexes.stale()) == ([], [])


def test_an_index_that_is_missing_is_named_and_made() -> None:
    collection(documents.Batch).drop_indexes()
    missing = indexes.missing()
    assert {name for name, _ in missing} == {"batches"}
    assert [("_id", 1)] not in [keys for _, keys in missing]

    indexes.ensure()

    assert indexes.missing() == []


def test_the_deadline_of_the_caller_ends_no_build() -> None:
    collection(documents.Batch).drop_indexes()

    with pymongo.timeout(1e-9):
        with pytest.raises(Unavailable):
            indexes.missing()
        indexes.ensure()

    assert indexes.missing() == []
