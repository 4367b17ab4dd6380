"""Which calls say something about how much AppService bears."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workflows.backends.appservice.observations import Observations
from workflows.bvbrc.rpc import Call, Made
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
        (made("query_tasks"), Observed(queries=(1.0,))),
        (made("service_status"), Observed()),
        (made("start_app2", Rejected("no contigs")), Observed()),
        (made("query_tasks", ServiceAway("503")), Observed()),
    ],
)
def test_a_call_counts_by_what_it_says_of_load(call: Made, expected: Observed) -> None:
    observations = Observations()
    observations.call(call)

    assert observations.take() == expected
    assert not observations.take()


@pytest.mark.parametrize(
    ("failure", "counts"),
    [
        (InDoubt("timed out"), True),
        (ServiceAway("503"), True),
        (ServiceAway("off", disabled=True), False),
        (InDoubt("no reason", answered=True), False),
        (Rejected("no contigs"), False),
        (Unauthorized("expired"), False),
        (NotSent("refused"), False),
    ],
)
def test_a_failed_start_counts_for_its_user_where_it_may_be_overload(
    failure: ServiceError, counts: bool
) -> None:
    observations = Observations()
    for owner in ("ann", "ann", "bob"):
        observations.failed_start(owner, failure)

    assert observations.take().overloads == ({"ann": 2, "bob": 1} if counts else {})
