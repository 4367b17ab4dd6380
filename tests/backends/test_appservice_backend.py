"""What AppService's backend makes of the answers of its client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bvbrc import captures, tokens
from tests.bvbrc.answers import Service
from tests.bvbrc.loopback import answering, reply, serving
from workflows.backends.appservice.backend import AppServiceBackend
from workflows.backends.appservice.observations import Observations
from workflows.backends.base import Caller, InDoubt, Submission
from workflows.model.states import JobState
from workflows.model.values import Job

ALICE = "alice@patricbrc.org"
CALLER = Caller(ALICE, tokens.sign(tokens.claims()))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JOB = Job(
    *("wf1/0/1", "wf1", 0, 1, ALICE, "Date", {}, "https://www.bv-brc.org", JobState.SENDING),
    sent_at=NOW,
)


def submission() -> Submission:
    return Submission(JOB, CALLER, time.monotonic() + 20, timedelta(hours=6))


def empty(*_: Any) -> list[Any]:
    return [{}]


def nothing(*_: Any) -> list[Any]:
    return [[], 0]


def test_a_start_that_meets_an_overload_is_observed_for_its_user() -> None:
    observations = Observations()
    answers = Service({"enumerate_tasks_qstat": nothing})
    with serving(
        answering(
            lambda request: (
                reply(502, "overloaded") if b"start_app2" in request.body else answers(request)
            )
        )
    ) as server:
        backend = AppServiceBackend(captures.appservice(server), observations=observations)
        result = backend.submit(submission())

    assert isinstance(result, InDoubt)
    assert observations.take().lost == ((ALICE, NOW),)


def test_a_query_of_jobs_takes_a_place_and_no_other_call_does() -> None:
    taken: list[str] = []

    def place_before(calls: list[tuple[str, list[Any]]]) -> Callable[[], Any]:
        @contextmanager
        def place() -> Iterator[None]:
            asked = len(calls)
            yield
            taken.extend(method for method, _ in calls[asked:])

        return place

    answers = Service({"enumerate_tasks_qstat": nothing, "query_tasks": empty, "kill_tasks": empty})
    with serving(answering(answers)) as server:
        client = captures.appservice(server)
        backend = AppServiceBackend(client, query_place=place_before(answers.calls))
        backend.find(CALLER, JOB, NOW)
        backend.poll(CALLER, ["5"])
        backend.cancel(CALLER, ["5"])

    assert taken == ["query_tasks"]
    assert [method for method, _ in answers.calls][-1] == "kill_tasks"
