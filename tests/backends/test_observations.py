"""Which calls say something about how much AppService bears."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.rules.concurrency_limit import Observed

SENT = datetime(2026, 11, 28, tzinfo=UTC)


def job(owner: str) -> Job:
    return Job("wf/0/1", "wf", 0, 1, owner, "Date", {}, "", JobState.SENDING, sent_at=SENT)


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
    ("failure", "overloads", "lost"),
    [
        (InDoubt("timed out", overload=True), {}, [("ann", SENT), ("bob", SENT)]),
        (InDoubt("the connection was closed"), {}, []),
        (ServiceAway("503"), {"ann": 1, "bob": 1}, []),
        (ServiceAway("off", disabled=True), {}, []),
        (InDoubt("no reason", answered=True), {}, []),
        (Rejected("no contigs"), {}, []),
        (Unauthorized("expired"), {}, []),
        (NotSent("refused"), {}, []),
    ],
)
def test_a_failed_start_counts_for_its_user_where_it_may_be_overload(
    failure: ServiceError, overloads: dict[str, int], lost: list[tuple[str, datetime]]
) -> None:
    observations = Observations()
    for owner in ("ann", "bob"):
        observations.failed_start(job(owner), failure)

    seen = observations.take()

    assert (seen.overloads, list(seen.lost)) == (overloads, lost)
