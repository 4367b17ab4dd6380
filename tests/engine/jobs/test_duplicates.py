"""A second job of one attempt, should there ever be one, is killed sooner or later."""

from __future__ import annotations

from datetime import timedelta

from tests.engine.conftest import Engine, document
from workflows.engine.advance import advance
from workflows.engine.jobs.kill import kill_surplus
from workflows.engine.jobs.send import record_answers
from workflows.store import documents
from workflows.store.due import Work, due
from workflows.store.jobs import duplicates, send_results
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import collection

AT_ONCE = timedelta(0)


def second_job(engine: Engine, workflow: str) -> str:
    """The id of a further job of the workflow's only attempt, which nobody here knows of."""
    [job] = job_rows.history(workflow)
    metadata = {"user_metadata": job.key}
    [made] = engine.simulator.rpc(
        engine.token, "AppService.start_app2", "Date", {"output_path": "/a", "output_file": "x"},
        metadata,
    )  # fmt: skip
    return str(made["id"])


def alive(engine: Engine) -> list[str]:
    return [each["id"] for each in engine.simulator.jobs(state="[QS]")]


def test_a_job_too_many_is_killed_though_the_first_try_fails(engine: Engine) -> None:
    engine.simulator.app(run_seconds=None)
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    engine.drain.run(engine.context)
    too_many = second_job(engine, workflow)
    engine.simulator.fault("status", "kill_tasks", count=1, status=503)
    [job] = job_rows.history(workflow)

    kill_surplus(engine.context, job, [too_many])
    assert Work.KILL in due(AT_ONCE, AT_ONCE).works
    engine.until(lambda: alive(engine) == [job.job_id])

    assert Work.KILL not in due(AT_ONCE, AT_ONCE).works


def test_what_is_settled_never_comes_again(engine: Engine) -> None:
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    [job] = job_rows.history(workflow)
    duplicates.note(job, ["1", "2"])

    duplicates.settle(job.key, ["1"])
    [left] = duplicates.take(1, timedelta(seconds=60))
    duplicates.settle(job.key, ["2"])

    assert left.job_ids == ("2",)
    assert duplicates.take(1, timedelta(seconds=60)) == []
    row = collection(documents.Job).find_one({"_id": job.key}) or {}
    assert not {"surplus", "surplus_due"} & set(row)


def test_a_look_up_that_finds_two_jobs_keeps_one_and_kills_the_other(engine: Engine) -> None:
    engine.simulator.app(run_seconds=None)
    engine.simulator.fault("lost", "start_app2", done=True, count=1)
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    engine.drain.run(engine.context)
    first, second = alive(engine)[0], second_job(engine, workflow)
    assert job_rows.history(workflow)[0].in_doubt

    engine.until(lambda: job_rows.history(workflow)[0].state == "active")

    assert job_rows.history(workflow)[0].job_id == first
    engine.until(lambda: second not in alive(engine))
    assert first in alive(engine)


def test_the_late_answer_of_a_submission_that_was_made_again_is_killed(engine: Engine) -> None:
    engine.simulator.app(run_seconds=None)
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    [given_up] = job_rows.history(workflow)
    engine.drain.run(engine.context)
    too_many = second_job(engine, workflow)

    record_answers(engine.context, [send_results.job_started(given_up, too_many)])

    [job] = job_rows.history(workflow)
    engine.until(lambda: alive(engine) == [job.job_id])
    assert job.job_id != too_many
