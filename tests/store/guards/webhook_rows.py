"""Webhooks, addresses and messages, as a process would find them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet

from tests.store.guards.stored_rows import ALICE, PAST, put
from workflows.model.webhooks import Message
from workflows.store import documents
from workflows.store.users.credentials import Vault
from workflows.store.webhooks import addresses, claims

KEY = Fernet.generate_key().decode()
VAULT = Vault([KEY])
COLLECTIONS = (documents.Webhook, documents.Delivery, documents.MailRequest)
DAY = timedelta(days=1)
STATES = ("enabled", "disabled", "unconfirmed", "unsubscribed")


def put_webhook(key: str = "wh_1", **fields: Any) -> dict[str, Any]:
    times = {"created_at": PAST, "updated_at": PAST}
    row = {"owner": ALICE, "url": "https://a.org", "state": "enabled", "secret": VAULT.seal("s")}
    return put(documents.Webhook, _id=key, **row | times | fields)


def put_address(key: str = "em_1", **fields: Any) -> dict[str, Any]:
    email = {"kind": "email", "url": "a@b.org", "nonce": "n", "unsubscribe": "word", **fields}
    return put_webhook(key, **email)


def put_message(key: str = "m1", **fields: Any) -> claims.Claimed:
    row = {
        "webhook": "wh_1",
        "owner": ALICE,
        "event": "e",
        "at": PAST,
        "body": "{}",
        "source": "/s",
        "state": "pending",
        "attempts": 2,
        "due": PAST,
        "created_at": PAST,
        **fields,
    }
    put(documents.Delivery, _id=key, **row)
    return claims.Claimed(message(key, row["webhook"]), 0)


def message(key: str, webhook: str = "wh_1") -> Message:
    return Message(key, webhook, ALICE, "e", PAST, "{}", "/s")


def register(address: str = "a@b.org", owner: str = ALICE) -> str:
    return addresses.register(
        owner, address, ["e"], DAY, lambda asked: message(f"c {asked.id}", asked.id)
    )
