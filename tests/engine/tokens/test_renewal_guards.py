"""What keeps a token from being renewed twice, too late, or in vain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.engine.conftest import ALICE, LONG, Engine
from tests.engine.tokens.renewals import BOB, begin_work, calls, make_due, service
from workflows.bvbrc.users.user_service import FreshToken, UserService
from workflows.engine.tokens import renew
from workflows.engine.tokens.renew import renew_tokens
from workflows.store import documents
from workflows.store.mongo import collection
from workflows.store.users import credentials, renewals

TIMEOUT = timedelta(seconds=LONG)


def with_service(engine: Engine, found: UserService) -> tuple[Engine, list[str]]:
    """The engine that renews with it, and the outcomes that it counts."""
    outcomes: list[str] = []
    context = replace(engine.context, user_service=found, renewed=outcomes.append)
    return replace(engine, context=context), outcomes


@pytest.fixture
def renewing(engine: Engine) -> tuple[Engine, list[str]]:
    return with_service(engine, service(engine.simulator, TIMEOUT, UserService))


def stored(user: str = ALICE) -> dict[str, Any]:
    return dict(collection(documents.Credential).find_one({"_id": user}) or {})


def change(user: str = ALICE, **fields: Any) -> None:
    collection(documents.Credential).update_one({"_id": user}, {"$set": fields})


class Overtaken(UserService):
    """The client of a process that another one overtakes before it claims, or during the call."""

    before_claim: Callable[[], object] = staticmethod(lambda: None)
    during_call: Callable[[], object] = staticmethod(lambda: None)

    @property
    def timeout(self) -> timedelta:
        self.before_claim()
        return TIMEOUT

    @timeout.setter
    def timeout(self, _: timedelta) -> None: ...

    def refresh(self, user: str, token: str, timeout: timedelta) -> FreshToken:
        self.during_call()
        return super().refresh(user, token, timeout)


def test_what_another_process_claimed_since_it_was_read_is_left_to_it(engine: Engine) -> None:
    overtaking = service(engine.simulator, TIMEOUT, Overtaken)
    renewing, outcomes = with_service(engine, overtaking)
    begin_work(renewing)
    make_due()
    (seen,) = renewals.due_tokens(9)
    overtaking.before_claim = lambda: renewals.claim(seen, timedelta(minutes=1))

    assert renew_tokens(renewing.context) == 0

    assert (calls(renewing), outcomes) == (0, [])
    assert stored()["digest"] == seen.digest


def test_a_token_that_is_deleted_while_it_is_renewed_is_not_counted(engine: Engine) -> None:
    overtaking = service(engine.simulator, TIMEOUT, Overtaken)
    renewing, outcomes = with_service(engine, overtaking)
    begin_work(renewing)
    make_due()
    overtaking.during_call = lambda: credentials.forget(ALICE)

    assert renew_tokens(renewing.context) == 0

    assert (calls(renewing), outcomes, stored()) == (1, [], {})


def test_a_claim_outlasts_its_call(engine: Engine) -> None:
    """Of a token that no key opens nothing but the claim is written."""
    renewing, outcomes = with_service(engine, service(engine.simulator, TIMEOUT, UserService))
    begin_work(renewing)
    make_due()
    change(sealed="nonsense")
    begun = datetime.now(UTC)

    assert renew_tokens(renewing.context) == 0

    assert (calls(renewing), outcomes) == (0, [])
    assert begun + TIMEOUT < stored()["renew_at"]


def test_a_process_that_ends_renews_nothing(renewing: tuple[Engine, list[str]]) -> None:
    engine, _ = renewing
    begin_work(engine)
    make_due()
    engine.context.stopping.set()

    assert renew_tokens(engine.context) == 0
    assert calls(engine) == 0


def test_more_tokens_than_are_looked_at_together_are_renewed(
    renewing: tuple[Engine, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, outcomes = renewing
    for user in (ALICE, BOB):
        begin_work(engine, user)
    make_due(ALICE, BOB)
    monkeypatch.setattr(renew, "MOST", 1)

    assert renew_tokens(engine.context) == 2
    assert outcomes == ["renewed", "renewed"]


@pytest.mark.parametrize(
    ("fields", "again"),
    [
        ({}, True),
        ({"refused_at": datetime.now(UTC)}, False),
        ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, False),
    ],
    ids=["usable", "refused", "ended"],
)
def test_only_a_usable_token_of_a_user_without_work_is_looked_at_again(
    renewing: tuple[Engine, list[str]], fields: dict[str, Any], *, again: bool
) -> None:
    engine, _ = renewing
    begin_work(engine)
    collection(documents.Workflow).update_many({}, {"$set": {"state": "succeeded"}})
    make_due()
    change(**fields)
    begun = datetime.now(UTC)

    assert renew_tokens(engine.context) == 0

    assert ("renew_at" in stored()) is again
    assert not again or begun < stored()["renew_at"] < stored()["expires_at"]


@pytest.mark.parametrize(
    ("kind", "level"), [("forged", "error"), ("unsigned", "error"), (None, "warning")]
)
def test_an_operator_must_look_at_a_service_that_gives_false_tokens(
    renewing: tuple[Engine, list[str]], kind: str | None, level: str
) -> None:
    engine, outcomes = renewing
    begin_work(engine)
    if kind:
        engine.simulator.switch(renewed_kind=kind)
    else:
        engine.simulator.fault("status", "authenticate", status=503)
    make_due()

    with capture_logs() as logs:
        assert renew_tokens(engine.context) == 0

    assert [each["log_level"] for each in logs if "not renewed" in each["event"]] == [level]
    assert outcomes == ["failed"]
