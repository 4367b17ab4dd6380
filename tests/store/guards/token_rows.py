"""Tokens and jobs that wait for them, as a process would find them."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet

from tests.store.guards.stored_rows import ALICE, FUTURE, PAST, put
from workflows.store import documents
from workflows.store.users.credentials import Vault

KEY, OLD_KEY = (Fernet.generate_key().decode() for _ in range(2))
VAULT, FORMER = Vault([KEY]), Vault([OLD_KEY])
COLLECTIONS = (
    documents.Credential,
    documents.User,
    documents.Workflow,
    documents.Batch,
    documents.Job,
    documents.Usage,
)


def put_token(owner: str = ALICE, text: str = "t", **fields: Any) -> dict[str, Any]:
    sealed = {"sealed": VAULT.seal(text), "digest": VAULT.digest(text)}
    return put(
        documents.Credential,
        _id=owner,
        **{**sealed, "expires_at": FUTURE, "renew_at": PAST, **fields},
    )
