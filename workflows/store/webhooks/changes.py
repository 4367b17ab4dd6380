"""Users' commands on webhooks, and what disables them. Secrets come and go sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pymongo.client_session import ClientSession

from workflows.model.webhooks import DeliveryState, WebhookState
from workflows.store import documents
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, Row, collection, later, transaction, translate_errors
from workflows.store.users.credentials import Vault
from workflows.store.webhooks.stored import IS_WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    """A webhook that is to be stored. Its times are set by MongoDB."""

    id: str
    owner: str
    url: str
    sealed: str = field(repr=False)
    events: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


def create(new: NewWebhook, most: int) -> bool:
    """Store a webhook; false, and nothing is stored, where the user has ``most`` already."""
    row: Row = {
        "owner": new.owner,
        "url": new.url,
        "events": list(new.events),
        "labels": dict(new.labels),
        "description": new.description,
        "state": str(WebhookState.ENABLED),
        "secret": new.sealed,
    }
    check_insert(documents.Webhook, row, later=("id", "_id", "created_at", "updated_at"))
    fields = {name: {"$literal": value} for name, value in row.items()}
    with translate_errors():
        rows = collection(documents.Webhook)
        rows.update_one(
            {"_id": new.id},
            [{"$set": {**fields, "created_at": NOW, "updated_at": NOW}}],
            upsert=True,
        )
        # Counted afterwards: of several at the same time at most as many remain as may.
        if rows.count_documents({"owner": new.owner, **IS_WEBHOOK}) <= most:
            return True
        rows.delete_one({"_id": new.id})
        return False


def change(webhook: str, fields: Mapping[str, object]) -> None:
    """Replace some of ``url``, ``events``, ``labels``, ``description``."""
    literals = {name: {"$literal": value} for name, value in fields.items()}
    with translate_errors():
        collection(documents.Webhook).update_one(
            {"_id": webhook}, [{"$set": {**literals, "updated_at": NOW}}]
        )


def enable(webhook: str) -> None:
    """Send again what happens from now on; its failures so far no longer count."""
    with translate_errors():
        collection(documents.Webhook).update_one(
            {"_id": webhook},
            [
                {"$set": {"state": WebhookState.ENABLED, "updated_at": NOW}},
                {"$unset": ["reason", "failing_since", "hold_until"]},
            ],
        )


def disable(
    webhook: str, reason: str, condition: Row | None = None, state: str = WebhookState.DISABLED
) -> bool:
    """Send nothing more: what waits has failed. False where the webhook does not meet the
    condition."""
    fields = {"state": str(state), "reason": {"$literal": reason}, "updated_at": NOW}

    def work(session: ClientSession) -> bool:
        changed = collection(documents.Webhook).update_one(
            {"_id": webhook, **(condition or {})}, [{"$set": fields}], session=session
        )
        if changed.matched_count:
            _fail_waiting(webhook, session)
        return bool(changed.matched_count)

    return transaction(work)


def fail_waiting(webhook: str) -> None:
    """What an advance stored that did not know yet that the webhook was disabled or deleted."""
    transaction(lambda session: _fail_waiting(webhook, session))


def _fail_waiting(webhook: str, session: ClientSession) -> None:
    failed = {"state": str(DeliveryState.FAILED), "last_error": "its receiver was disabled"}
    collection(documents.Delivery).update_many(
        {"webhook": webhook, "due": {"$type": "date"}},
        {"$set": failed, "$unset": {"due": "", "claim": ""}},
        session=session,
    )


def rotate(webhook: str, sealed: str, overlap: timedelta) -> None:
    """Replace the secret; for so long, messages are signed by the one before, too."""
    with translate_errors():
        collection(documents.Webhook).update_one(
            {"_id": webhook},
            [
                {
                    "$set": {
                        "old_secret": "$secret",
                        "old_secret_until": later(overlap),
                        "secret": {"$literal": sealed},
                        "updated_at": NOW,
                    }
                }
            ],
        )


def remove(webhook: str) -> None:
    """Delete a webhook with its messages. From the first write on nothing is sent to it."""
    with translate_errors():
        collection(documents.Webhook).delete_one({"_id": webhook})
        collection(documents.Delivery).delete_many({"webhook": webhook})


def reseal(vault: Vault) -> tuple[int, int]:
    """Seal every secret again under the first key; returns (resealed, impossible to open)."""
    rows, done, lost = collection(documents.Webhook), 0, 0
    with translate_errors():
        for row in rows.find(IS_WEBHOOK, {"secret": 1, "old_secret": 1}):
            if vault.open(row["secret"]) is None:
                lost += 1
                continue
            fields = {
                name: vault.rotate(row[name])
                for name in ("secret", "old_secret")
                if row.get(name) and vault.open(row[name]) is not None
            }
            written = rows.update_one(
                {"_id": row["_id"], "secret": row["secret"]}, {"$set": fields}
            )
            done += written.modified_count
    return done, lost
