"""The documents of notifications. ``documents`` lists them with all others."""

from __future__ import annotations

from mongoengine import (
    DateTimeField,
    DictField,
    Document,
    DynamicField,
    IntField,
    ListField,
    StringField,
)

from workflows.model.webhooks import AddressState, Channel, DeliveryState, WebhookState

DUE_DELIVERIES = "due_deliveries"
"""The index by which waiting messages are found, webhook by webhook."""
_DUE = {"due": {"$type": "date"}}
_KEPT_SECONDS = 30 * 86_400
_IS_EMAIL = {"kind": str(Channel.EMAIL)}
_STATES = sorted({*map(str, WebhookState), *map(str, AddressState)})


class Webhook(Document):
    """A webhook or an e-mail address of a user's that is sent messages about events."""

    meta = {
        "collection": "webhooks",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["owner", "-created_at", "-id"]},
            {"fields": ["owner", "url"], "unique": True, "partialFilterExpression": _IS_EMAIL},
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
        ],
    }
    id = StringField(primary_key=True)
    owner = StringField(required=True)
    kind = StringField(choices=[str(Channel.EMAIL)])  # absent: a webhook
    url = StringField(required=True)  # or the e-mail address
    events = ListField(StringField())
    labels = DynamicField()  # not DictField, which refuses names that begin with $
    description = StringField()
    state = StringField(required=True, choices=_STATES)
    reason = StringField()  # why it is disabled
    secret = StringField()  # sealed; of webhooks
    old_secret = StringField()  # sealed
    old_secret_until = DateTimeField()  # so long messages are signed by both
    slots = ListField(DictField())  # {token, until} of the exchanges under way
    hold_until = DateTimeField()  # nothing is sent before
    last_success_at = DateTimeField()
    failing_since = DateTimeField()  # since when every attempt has failed
    nonce = StringField()  # of e-mail: stands in the link that confirms it
    unsubscribe = StringField()  # of e-mail: stands in the link that ends it
    expires_at = DateTimeField()  # of e-mail: it is deleted then, unless it is confirmed before
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)


class Delivery(Document):
    """A message to one webhook or address: outbox and receipt. Its body never changes."""

    meta = {
        "collection": "deliveries",
        "auto_create_index": False,
        "indexes": [
            {
                "fields": ["webhook", "due"],
                "partialFilterExpression": _DUE,
                "name": DUE_DELIVERIES,
            },
            {"fields": ["due"], "partialFilterExpression": _DUE},
            {"fields": ["webhook", "-created_at", "-id"]},
            {"fields": ["created_at"], "expireAfterSeconds": _KEPT_SECONDS},
        ],
    }
    id = StringField(primary_key=True)  # the message's, see rules/webhooks/events.py
    webhook = StringField(required=True)
    owner = StringField(required=True)
    event = StringField(required=True)
    workflow = StringField()
    at = DateTimeField(required=True)
    body = StringField(required=True)
    source = StringField(required=True)
    step_name = StringField()
    state = StringField(required=True, choices=list(map(str, DeliveryState)))
    due = DateTimeField()  # pending: not before; while it is being sent: when to send it again
    claim = StringField()  # who is sending it
    attempts = IntField(default=0)
    last_status = IntField()
    last_error = StringField()
    created_at = DateTimeField(required=True)
    delivered_at = DateTimeField()


class MailRequest(Document):
    """That a user had a confirmation sent to an address: counted for a day."""

    meta = {
        "collection": "mail_requests",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["owner"]},
            {"fields": ["address"]},
            {"fields": ["created_at"], "expireAfterSeconds": 86_400},
        ],
    }
    id = StringField(primary_key=True)
    owner = StringField(required=True)
    address = StringField(required=True)  # a digest of it
    created_at = DateTimeField(required=True)
