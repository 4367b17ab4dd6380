"""A request waits for MongoDB only so long, and its own work is no part of that."""

from __future__ import annotations

import threading

import pytest
from mongoengine import get_connection

from tests.engine.conftest import Engine, document
from workflows.engine import commands
from workflows.engine.reports import views
from workflows.model.errors import Unavailable
from workflows.store import documents
from workflows.store.mongo import clock, collection, patience, translate_errors
from workflows.store.workflows import stored


def take_a_while() -> None:
    """Work of ours that takes longer than MongoDB may take."""
    threading.Event().wait(2.1)


def busy(milliseconds: int) -> None:
    """MongoDB takes so long for one document."""
    with translate_errors():
        list(collection(documents.Workflow).find({"$where": f"sleep({milliseconds}) || true"}))


@pytest.mark.usefixtures("engine")
def test_own_work_does_not_count() -> None:
    """A workflow of 9.3 MB was answered "MongoDB cannot be used now" after its validation."""
    with patience(2.0, 0.05):
        take_a_while()
        assert clock()


def test_calls_count_together(engine: Engine) -> None:
    engine.submit(document(""))
    with patience(3.0, 0.05):
        busy(900)
        with pytest.raises(Unavailable):
            busy(2500)


def test_a_call_has_a_moment_even_after_a_slow_one(engine: Engine) -> None:
    engine.submit(document(""))
    with patience(0.2, 30.0):
        busy(300)
        assert clock()


def test_a_cancel_that_is_stored_has_succeeded(engine: Engine) -> None:
    """Of 10,000 steps it answered 503, and took effect."""
    workflow_id = engine.submit(document(""))
    with get_connection().start_session() as session, session.start_transaction():
        collection(documents.Workflow).update_one(
            {"_id": "nobody"}, {"$set": {"name": "x"}}, session=session
        )
        collection(documents.Event).insert_one(
            {"workflow": workflow_id, "sequence": 1}, session=session
        )
        with patience(3.0, 0.5):
            commands.cancel(engine.context, workflow_id)
        session.abort_transaction()

    assert views.status(stored.get(workflow_id))["status"] == "cancelled"
    assert engine.ends(workflow_id) == "cancelled"
