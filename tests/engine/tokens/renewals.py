"""Users whose tokens are to be renewed, for tests of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from simulator.client import Simulator
from tests.engine.conftest import ALICE, Engine, document
from workflows.bvbrc.signers import SignerKeys
from workflows.bvbrc.token import Verifier, parse
from workflows.bvbrc.users.user_service import UserService
from workflows.bvbrc.wire import Wire
from workflows.engine.commands import Owner, Submission, submit
from workflows.spec.document import spec_from
from workflows.store import clock, documents
from workflows.store.mongo import collection

Client = TypeVar("Client", bound=UserService)
BOB = "bob@bvbrc"
CALL = "authenticate"


def service(simulator: Simulator, timeout: timedelta, kind: type[Client]) -> Client:
    keys = SignerKeys(Wire(), [simulator.signer])
    verifier = Verifier(keys=keys, trusted=[simulator.signer])
    return kind(Wire(), simulator.url, verify=verifier, now=clock.now, timeout=timeout)


def begin_work(engine: Engine, user: str = ALICE, *, seconds: float = 3_600) -> str:
    """A workflow of a user whose token lasts for so long; returns the token."""
    token = engine.simulator.token(user, seconds)
    owner = Owner(user, token, parse(token).expires_at)
    found = document("")
    submit(engine.context, owner, Submission(spec_from(found), found))
    return token


def make_due(*users_: str) -> None:
    """The time to renew their tokens has come."""
    found = collection(documents.Credential).update_many(
        {"_id": {"$in": list(users_) or [ALICE]}},
        {"$set": {"renew_at": datetime.now(UTC) - timedelta(seconds=1)}},
    )
    assert found.matched_count == max(1, len(users_))


def calls(engine: Engine) -> int:
    return len(engine.simulator.calls(CALL))
