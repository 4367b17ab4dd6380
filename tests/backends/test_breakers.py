"""Whose failures stop whose calls, and what goes on while a breaker is open."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from workflows.backends.breakers import (
    FAILURES,
    MOST_PROBES,
    PROBE_SECONDS,
    RECENT_SECONDS,
    Breakers,
)
from workflows.model.errors import (
    InDoubt,
    NotSent,
    Rejected,
    ServiceAway,
    ServiceError,
)

AWAY = ServiceAway("timed out")


@dataclass
class Service:
    """Breakers on a clock that a test turns."""

    time: float = 100.0
    breakers: Breakers = field(init=False)

    def __post_init__(self) -> None:
        self.breakers = Breakers(lambda: self.time)

    def call(self, owner: str, failure: ServiceError | None = None, seconds: float = 0.1) -> None:
        try:
            with self.breakers.call(owner):
                self.time += seconds
                if failure:
                    raise failure
        except ServiceError:
            pass

    def fail(self, *owners: str, times: int = 1, failure: ServiceError = AWAY) -> None:
        for owner in owners * times:
            self.call(owner, failure)


@pytest.fixture
def service() -> Service:
    return Service()


def test_one_users_failures_open_the_breaker_of_that_user_alone(service: Service) -> None:
    service.fail("ann", times=FAILURES)

    assert service.breakers.opened_for("ann")
    assert not service.breakers.opened
    assert service.breakers.admit(["ann", "bob"]) == ["bob"]
    assert service.breakers.barred() == ["ann"]


def test_a_user_is_failing_until_the_next_success_or_for_a_while(service: Service) -> None:
    service.fail("ann", "bob")
    assert service.breakers.failing() == ["ann", "bob"]

    service.call("bob")
    assert service.breakers.failing() == ["ann"]

    service.time += RECENT_SECONDS
    assert service.breakers.failing() == []


def test_failures_of_several_users_open_the_breaker_of_the_service(service: Service) -> None:
    service.fail("ann", "bob", times=FAILURES)

    assert service.breakers.opened
    assert service.breakers.admit(["ann", "eve"]) == []


def test_failures_beside_anothers_success_say_nothing_of_the_service(service: Service) -> None:
    hanging = [f"user{number}" for number in range(8)]
    begun = [service.breakers.call(owner) for owner in hanging]
    for call in begun:
        call.__enter__()
    service.call("bob")
    for call in begun:
        call.__exit__(ServiceAway, AWAY, None)

    assert not service.breakers.opened


def test_too_few_failures_open_nothing(service: Service) -> None:
    service.fail("ann", times=FAILURES - 1)

    assert service.breakers.admit(["ann"]) == ["ann"]


@pytest.mark.parametrize(
    "failure", [Rejected("no"), ServiceAway("off", disabled=True), InDoubt("?", answered=True)]
)
def test_an_answer_of_the_service_is_no_failure(service: Service, failure: ServiceError) -> None:
    service.fail("ann", "bob", times=FAILURES, failure=failure)

    assert service.breakers.admit(["ann", "bob"]) == ["ann", "bob"]


@pytest.mark.parametrize("failure", [NotSent("no"), InDoubt("?"), ServiceAway("502")])
def test_no_answer_is_a_failure(service: Service, failure: ServiceError) -> None:
    service.fail("ann", "bob", times=FAILURES, failure=failure)

    assert service.breakers.opened


@pytest.mark.parametrize("users", [("ann",), ("ann", "bob")])
def test_single_calls_probe_an_open_breaker(service: Service, users: tuple[str, ...]) -> None:
    service.fail(*users, times=FAILURES)
    assert service.breakers.admit(["ann"]) == []

    service.time += PROBE_SECONDS

    assert service.breakers.admit(["ann"]) == ["ann"]
    assert service.breakers.admit(["ann"]) == []


def test_failures_while_it_is_open_put_no_probe_off(service: Service) -> None:
    service.fail("ann", "bob", times=FAILURES)
    opened = service.time

    while service.time < opened + PROBE_SECONDS:
        service.fail("ann", "bob")

    assert service.breakers.lets_probe()
    assert service.breakers.admit(["eve"]) == ["eve"]


@pytest.mark.parametrize("users", [("ann",), ("ann", "bob")])
def test_the_first_success_closes_it(service: Service, users: tuple[str, ...]) -> None:
    service.fail(*users, times=FAILURES)

    service.call("ann")

    assert not service.breakers.opened
    assert service.breakers.admit(["ann"]) == ["ann"]


def test_a_question_before_a_submission_opens_and_never_closes(service: Service) -> None:
    service.fail("ann", times=FAILURES)

    with service.breakers.probe("ann"):
        pass

    assert service.breakers.opened_for("ann")


def test_users_whose_calls_have_not_failed_probe_first(service: Service) -> None:
    service.fail("ann", "bob", times=FAILURES)
    service.time += PROBE_SECONDS

    assert service.breakers.admit(["ann", "bob", "eve"]) == ["eve"]


def test_probes_that_hang_become_no_crowd(service: Service) -> None:
    service.fail("ann", times=FAILURES)
    hanging = [service.breakers.call("ann") for _ in range(MOST_PROBES)]
    for call in hanging:
        service.time += PROBE_SECONDS
        assert service.breakers.admit(["ann"]) == ["ann"]
        call.__enter__()

    service.time += PROBE_SECONDS

    assert service.breakers.admit(["ann"]) == []


def test_a_service_that_does_not_answer_a_ping_is_away(service: Service) -> None:
    service.breakers.note_dead()

    assert service.breakers.opened
    assert service.breakers.admit(["ann"]) == []
