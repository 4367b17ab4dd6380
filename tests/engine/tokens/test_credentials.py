"""Users' tokens at rest: the fresher one stays, a refused one gives way, keys can be changed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from workflows.model.errors import Unauthorized
from workflows.store import connection, documents
from workflows.store.users import credentials
from workflows.store.users.credentials import Vault

ALICE = "alice@bvbrc"
SOON = datetime.now(UTC) + timedelta(days=1)  # long after the last test of the run
LATER = SOON + timedelta(hours=1)
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def vault(mongo_uri: str, database: str) -> Iterator[Vault]:
    connection.open_database(mongo_uri, database)
    yield Vault([OLD])
    connection.close_database()


def kept(vault: Vault) -> str:
    credential = credentials.usable(vault, ALICE)
    return credential.token if credential else ""


def test_the_fresher_token_stays(vault: Vault) -> None:
    credentials.keep(vault, ALICE, "first", SOON)
    credentials.keep(vault, ALICE, "second", LATER)
    credentials.keep(vault, ALICE, "third", SOON)

    assert kept(vault) == "second"


def test_a_refused_token_gives_way_to_any_other_and_to_a_user_who_insists(vault: Vault) -> None:
    credentials.keep(vault, ALICE, "first", LATER)
    first = credentials.usable(vault, ALICE)
    assert first
    credentials.mark_refused(vault, first, Unauthorized("no"))

    assert kept(vault) == ""
    credentials.renew(vault, ALICE, "first", LATER)
    assert kept(vault) == "first"
    credentials.mark_refused(vault, first, Unauthorized("no"))
    credentials.renew(vault, ALICE, "second", SOON)
    assert kept(vault) == "second"


def test_a_submission_hands_in_what_another_process_forgot(vault: Vault) -> None:
    credentials.keep(vault, ALICE, "first", SOON)
    documents.Credential._get_collection().delete_many({})

    credentials.keep(vault, ALICE, "first", SOON)

    assert kept(vault) == "first"


def test_many_submissions_at_a_time_store_each_users_token(vault: Vault) -> None:
    users = [f"user-{number}@bvbrc" for number in range(12)]

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda user: credentials.keep(vault, user, f"of {user}", SOON), users * 3))

    stored = credentials.usable_of(vault, users)
    assert {user: each.token for user, each in stored.items()} == {u: f"of {u}" for u in users}


def test_a_refused_token_is_tried_again_by_submissions_some_seconds_later(vault: Vault) -> None:
    credentials.keep(vault, ALICE, "first", SOON)
    first = credentials.usable(vault, ALICE)
    assert first
    credentials.mark_refused(vault, first, Unauthorized("no"))

    credentials.keep(vault, ALICE, "first", SOON)
    assert kept(vault) == ""
    earlier = {"$set": {"refused_at": datetime.now(UTC) - timedelta(hours=1)}}
    documents.Credential._get_collection().update_one({"_id": ALICE}, earlier)
    credentials.keep(vault, ALICE, "first", SOON)
    assert kept(vault) == "first"


def test_a_token_under_a_lost_key_gives_way_though_it_would_last_longer(vault: Vault) -> None:
    credentials.keep(Vault([NEW]), ALICE, "lost", LATER)

    credentials.keep(vault, ALICE, "first", SOON)

    assert kept(vault) == "first"


def test_keys_are_changed_without_losing_a_token(vault: Vault) -> None:
    credentials.keep(vault, ALICE, "first", SOON)

    assert kept(Vault([NEW, OLD])) == "first"
    assert credentials.rotate(Vault([NEW, OLD])) == (1, 0)

    assert kept(Vault([NEW])) == "first"
    assert kept(Vault([OLD])) == ""
    assert credentials.rotate(Vault([OLD])) == (0, 1)


def test_a_refusal_without_the_services_word_is_not_stored(vault: Vault) -> None:
    credentials.keep(vault, ALICE, "first", LATER)
    first = credentials.usable(vault, ALICE)
    assert first

    credentials.mark_refused(vault, first, Unauthorized("it has expired here", by_service=False))

    assert kept(vault) == "first"
