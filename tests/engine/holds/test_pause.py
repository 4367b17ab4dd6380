"""After a restart without auto-resume, workflows under way wait until a user resumes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pymongo import MongoClient

from tests.engine.conftest import Engine, document
from workflows.engine.commands import cancel, start
from workflows.engine.pause import hold
from workflows.engine.reports.explain import explanation
from workflows.store import connection, documents
from workflows.store.due import due
from workflows.store.jobs import rows as job_rows
from workflows.store.processes import heartbeats
from workflows.store.workflows import stored

INTERVAL = timedelta(seconds=10)
AT_ONCE = timedelta(0)


@pytest.fixture
def held(engine: Engine) -> str:
    """The first of its two steps was at BV-BRC when the executor ended, and ends while it is
    down."""
    workflow = engine.submit(document("", "a"))
    engine.until(lambda: engine.states(workflow)[0] in ("queued", "running"))
    assert hold(INTERVAL) == 1
    return workflow


def says(engine: Engine, workflow: str) -> str:
    return str(explanation(stored.get(workflow), engine.context)["message"])


def test_what_was_under_way_is_left_alone_and_what_is_new_runs(engine: Engine, held: str) -> None:
    new = engine.submit(document(""))

    assert engine.ends(new) == "succeeded"
    engine.until(lambda: job_rows.history(held)[0].outcome is not None)
    engine.until(lambda: not due(AT_ONCE, AT_ONCE).workflows)

    assert engine.status(held) in ("queued", "running")
    assert len(job_rows.history(held)) == 1
    assert "Paused by a restart" in says(engine, held)


def test_submitting_it_again_lets_it_go_on(engine: Engine, held: str) -> None:
    engine.until(lambda: job_rows.history(held)[0].outcome is not None)
    engine.until(lambda: not due(AT_ONCE, AT_ONCE).workflows)

    start(engine.context, engine.owner(), held)

    assert engine.ends(held) == "succeeded"
    assert "Paused by a restart" not in says(engine, held)


def test_it_can_be_cancelled(engine: Engine, held: str) -> None:
    cancel(engine.context, held)

    assert engine.ends(held) == "cancelled"


def test_nothing_is_set_aside_while_another_beat_is_there(engine: Engine) -> None:
    workflow = engine.submit(document(""))
    heartbeats.record_heartbeat("beat@there:1", "beat")

    assert hold(INTERVAL) == 0

    assert engine.ends(workflow) == "succeeded"


def test_workflows_are_kept_where_the_settings_say(
    engine: Engine, mongo: MongoClient, mongo_uri: str, database: str
) -> None:
    connection.close_database()
    connection.open_database(mongo_uri, database, "runs")
    documents.ensure_indexes()

    workflow = engine.submit(document(""))

    assert engine.ends(workflow) == "succeeded"
    assert mongo[database]["runs"].count_documents({"_id": workflow}) == 1
    assert mongo[database]["workflows"].count_documents({}) == 0
