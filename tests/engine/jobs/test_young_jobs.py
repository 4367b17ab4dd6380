"""What a look at jobs that have just started costs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.conftest import Engine, document
from tests.profiling import profiled
from workflows.store import clock, documents
from workflows.store.jobs import polling
from workflows.store.mongo import collection

OLD = 30
HOUR = timedelta(hours=1)


@pytest.fixture
def young(engine: Engine) -> str:
    """A job that AppService has just been given, beside many that have run for an hour."""
    engine.simulator.app(run_seconds=None)
    workflow = engine.submit(document(""))
    engine.until(lambda: collection(documents.Job).count_documents({"state": "active"}) == 1)
    rows = collection(documents.Job)
    [row] = rows.find({"workflow": workflow})
    before = {name: row[name] - HOUR for name in ("submitted_at", "due")}
    rows.insert_many([row | before | {"_id": f"old/0/{at}"} for at in range(OLD)])
    return str(row["_id"])


def test_a_look_at_young_jobs_reads_no_others(engine: Engine, young: str) -> None:
    with profiled() as asked:
        found = polling.active([engine.user], clock.now() - HOUR / 2)

    assert [job.key for jobs in found.values() for job in jobs] == [young]
    [look] = asked.find({"op": "query", "command.find": "jobs"})
    assert look["docsExamined"] == 1
