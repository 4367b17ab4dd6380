"""What is under way at once is bounded, whatever is asked for: submissions, and users' jobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine.conftest import Engine, document
from workflows.engine.jobs.send import Drain

START = "AppService.start_app2"


@pytest.mark.parametrize(("threads", "of_a_user", "most"), [(3, 32, 3), (8, 2, 2)])
def test_so_many_submissions_are_under_way_and_no_more(
    engine: Engine, threads: int, of_a_user: int, most: int
) -> None:
    engine.simulator.fault("delay", "start_app2", seconds=0.5)
    engine = replace(engine.with_limits(user_submissions=of_a_user, cap=10), drain=Drain(threads))

    workflow = engine.submit(document(*([""] * 7)))

    assert engine.ends(workflow) == "succeeded"
    assert engine.simulator.summary()["peak_open_calls"][START] == most


def test_so_many_jobs_of_a_user_are_at_bvbrc_and_no_more(engine: Engine) -> None:
    engine.simulator.app(run_seconds=None)
    engine = engine.with_limits(user_jobs=3)
    workflows = [engine.submit(document("", "")) for _ in range(4)]

    engine.until(lambda: len(engine.simulator.jobs()) == 3)
    for _ in range(3):
        engine.turn()
    engine.simulator.app(run_seconds=0.2)
    engine.simulator.act("finish", owner=engine.user)

    assert {engine.ends(each) for each in workflows} == {"succeeded"}
    assert engine.simulator.summary()["peak_in_flight_by_user"][engine.user] == 3
