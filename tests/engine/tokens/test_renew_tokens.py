"""Tokens are renewed while their users have work under way, and whatever goes wrong harms none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.conftest import ALICE, LONG, Engine, document
from tests.engine.tokens.renewals import BOB, CALL, begin_work, calls, make_due, service
from workflows.bvbrc.token import parse
from workflows.bvbrc.users.user_service import UserService
from workflows.engine.commands import Owner, Submission, submit, token_warning
from workflows.engine.tokens.renew import renew_tokens
from workflows.engine.tokens.views import credentials_of
from workflows.spec.document import spec_from
from workflows.store import documents
from workflows.store.due import Work, due
from workflows.store.mongo import collection
from workflows.store.users import credentials, renewals
from workflows.store.users import preferences as users

AT_ONCE = timedelta(0)
TEN_DAYS = 864_000
"""Seconds: longer than other tests have moved the clock of the simulator."""


@pytest.fixture
def renewing(engine: Engine) -> Engine:
    """The engine with the user service, and nothing to renew yet."""
    return with_service(engine)


def with_service(engine: Engine, seconds: float = LONG) -> Engine:
    """``seconds``: after them a call is given up."""
    found = service(engine.simulator, timedelta(seconds=seconds), UserService)
    return replace(engine, context=replace(engine.context, user_service=found))


def kept(engine: Engine, user: str = ALICE) -> str:
    credential = credentials.usable(engine.context.vault, user)
    return credential.token if credential else ""


def test_a_token_is_renewed_once_when_its_time_has_come(renewing: Engine) -> None:
    token = begin_work(renewing)
    assert renew_tokens(renewing.context) == 0
    assert Work.RENEW not in due(AT_ONCE, AT_ONCE).works

    make_due()
    assert Work.RENEW in due(AT_ONCE, AT_ONCE).works
    assert renew_tokens(renewing.context) == 1
    assert renew_tokens(renewing.context) == 0

    assert kept(renewing) not in ("", token)
    assert calls(renewing) == 1
    standing = credentials_of(renewing.context, ALICE)
    assert standing["renewed_at"]
    assert not standing["problem"]
    assert renewing.simulator.rpc(kept(renewing), "AppService.service_status")


def test_without_work_under_way_no_token_is_renewed_until_there_is_some(renewing: Engine) -> None:
    token = begin_work(renewing)
    collection(documents.Workflow).update_many({}, {"$set": {"state": "succeeded"}})
    make_due()

    assert renew_tokens(renewing.context) == 0
    assert (calls(renewing), kept(renewing)) == (0, token)
    assert Work.RENEW not in due(AT_ONCE, AT_ONCE).works  # it is looked at again later

    begin_work(renewing)
    make_due()
    assert renew_tokens(renewing.context) == 1


def test_who_said_no_is_left_alone_also_after_the_token_was_deleted(renewing: Engine) -> None:
    begin_work(renewing)
    users.set_renewal(ALICE, wanted=False)
    credentials.forget(ALICE)
    token = begin_work(renewing)
    make_due()

    assert renew_tokens(renewing.context) == 0
    assert (calls(renewing), kept(renewing)) == (0, token)

    users.set_renewal(ALICE, wanted=True)
    make_due()
    assert renew_tokens(renewing.context) == 1


def test_the_operator_may_forbid_it(engine: Engine) -> None:
    begin_work(engine)
    make_due()

    assert renew_tokens(engine.context) == 0
    assert calls(engine) == 0


@pytest.mark.parametrize(
    ("switches", "problem"),
    [
        ({"renewed_user": BOB}, "another user"),
        ({"renewed_kind": "forged"}, "not genuine"),
        ({"renewed_kind": "unknown_signer"}, "unknown signer"),
        ({"renewed_kind": "garbage"}, "no signature"),
        ({"renewed_kind": "unsigned"}, "no signature"),
        ({"renewed_seconds": -TEN_DAYS}, "expired"),
        ({"renewed_seconds": 60}, "no later"),
    ],
    ids=str,
)
def test_a_token_that_is_not_a_better_one_of_the_same_user_replaces_none(
    renewing: Engine, switches: dict[str, object], problem: str
) -> None:
    token = begin_work(renewing)
    renewing.simulator.switch(**switches)
    make_due()

    assert renew_tokens(renewing.context) == 0

    assert kept(renewing) == token
    assert problem in credentials_of(renewing.context, ALICE)["problem"]
    assert Work.RENEW not in due(AT_ONCE, AT_ONCE).works  # it is tried again, but not at once


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 401},
        {"kind": "cloudflare"},
        {"kind": "html"},
        {"kind": "garbage"},
        {"kind": "reset"},
        {"kind": "hang", "seconds": 3},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}",
)
def test_a_service_that_fails_is_tried_again(renewing: Engine, fault: dict[str, object]) -> None:
    token = begin_work(renewing)
    renewing.simulator.fault(method=CALL, **fault)  # type: ignore[arg-type]
    make_due()
    hasty = with_service(renewing, 1)

    assert renew_tokens(hasty.context) == 0
    assert kept(renewing) == token
    assert credentials_of(renewing.context, ALICE)["problem"]

    renewing.simulator.clear_faults()
    make_due()
    assert renew_tokens(renewing.context) == 1
    assert not credentials_of(renewing.context, ALICE)["problem"]


def test_one_process_at_a_time_renews_and_a_dead_one_only_delays(renewing: Engine) -> None:
    begin_work(renewing)
    make_due()
    (seen,) = renewals.due_tokens(10)

    assert renewals.claim(seen, timedelta(minutes=1))  # and the process dies here
    assert not renewals.claim(seen, timedelta(minutes=1))
    assert renew_tokens(renewing.context) == 0

    make_due()
    assert renew_tokens(renewing.context) == 1


def test_what_the_user_does_during_a_renewal_stays(renewing: Engine) -> None:
    begin_work(renewing)
    make_due()
    (seen,) = renewals.due_tokens(10)
    ends = seen.expires_at + timedelta(days=1)

    credentials.forget(ALICE)
    assert not renewals.replace(renewing.context.vault, seen, "renewed", ends)
    assert kept(renewing) == ""

    handed_in = begin_work(renewing, seconds=7_200)
    assert not renewals.replace(renewing.context.vault, seen, "renewed", ends)
    assert kept(renewing) == handed_in


def test_a_token_that_has_ended_or_was_refused_is_not_asked_about(renewing: Engine) -> None:
    begin_work(renewing, seconds=1)
    begin_work(renewing, BOB)
    collection(documents.Credential).update_one(
        {"_id": ALICE}, {"$set": {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}}
    )
    collection(documents.Credential).update_one(
        {"_id": BOB}, {"$set": {"refused_at": datetime.now(UTC)}}
    )
    make_due(ALICE, BOB)

    assert renew_tokens(renewing.context) == 0

    assert calls(renewing) == 0
    assert not renewals.due_tokens(10)


def test_the_warning_tells_the_truth(renewing: Engine) -> None:
    def warning(hours: float) -> str:
        owner = Owner(ALICE, "x", datetime.now(UTC) + timedelta(hours=hours))
        found = token_warning(renewing.context, owner, chain)
        return found.message if found else ""

    chain = spec_from(document("", "a", "b", "c"))

    assert warning(2.5) == ""  # it is renewed, and a job has an hour at least
    assert "a job keeps the token" in warning(1.5)
    users.set_renewal(ALICE, wanted=False)
    assert "would then wait" in warning(2.5)


def test_each_further_step_is_sent_with_the_token_of_the_last_renewal(renewing: Engine) -> None:
    """``benchmarks/promises/tokens.py`` does it with tokens that end."""
    hour, needs = 3_600, ("", "a", "b", "c")
    found, token = document(*needs), renewing.simulator.token(ALICE, hour)
    owner = Owner(ALICE, token, parse(token).expires_at)
    workflow = submit(renewing.context, owner, Submission(spec_from(found), found)).id

    for step in range(1, len(needs) + 1):
        renewing.simulator.switch(renewed_seconds=(step + 1) * hour)
        make_due()
        assert renew_tokens(renewing.context) == 1
        renewing.until(lambda step=step: len(renewing.simulator.jobs()) >= step)  # type: ignore[misc]

    assert renewing.ends(workflow) == "succeeded"
    jobs = renewing.simulator.jobs()
    assert len(jobs) == len(needs)
    assert len({job["token_expiry"] for job in jobs}) == len(needs)
