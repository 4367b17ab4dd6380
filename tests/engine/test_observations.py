"""Which calls say something about how much AppService bears."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workflows.bvbrc.rpc import Call, Made
from workflows.engine.observations import Observations
from workflows.model.errors import (
    InDoubt,
    NotSent,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
)
from workflows.rules.concurrency_limit import Observed


def made(method: str, failure: ServiceError | None = None) -> Made:
    second = timedelta(seconds=1)
    return Made(Call("http://127.0.0.1", f"AppService.{method}", [], second), second, failure)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (made("start_app2"), Observed(starts=1, start_seconds=1.0)),
        (made("query_tasks"), Observed(queries=1, query_seconds=1.0)),
        (made("service_status"), Observed()),
        (made("start_app2", InDoubt("timed out")), Observed(overloads=1)),
        (made("start_app2", ServiceAway("503")), Observed(overloads=1)),
        (made("start_app2", ServiceAway("off", disabled=True)), Observed()),
        (made("start_app2", InDoubt("no reason", answered=True)), Observed()),
        (made("start_app2", Rejected("no contigs")), Observed()),
        (made("start_app2", Unauthorized("expired")), Observed()),
        (made("start_app2", NotSent("refused")), Observed()),
        (made("query_tasks", ServiceAway("503")), Observed()),
    ],
)
def test_a_call_counts_by_what_it_says_of_load(call: Made, expected: Observed) -> None:
    observations = Observations()
    observations.call(call)

    assert observations.take() == expected
    assert not observations.take()
