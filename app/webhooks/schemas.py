"""Schemas of the routes about webhooks, as ``/openapi.json`` shows them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas.request_schemas import Query
from app.api.schemas.schema_fields import (
    Answered,
    described_as,
    many,
    mapping,
    text,
    texts,
    time,
    word,
)
from app.api.schemas.schema_fields import count as integer
from app.webhooks.requests import MOST_DESCRIPTION
from workflows.engine.notifications.addresses import LONGEST
from workflows.model.webhooks import DeliveryState, WebhookState
from workflows.rules.webhooks.events import NAMES, PATTERNS, USUAL

_EVENTS: Final = described_as(
    f"Names, a family such as `step.*`, or `*`; without it {', '.join(USUAL)}"
)
_LABELS: Final = described_as("Only workflows and batches with all of these labels")


class NewWebhook(Schema):
    class Meta:
        unknown = RAISE

    url = fields.String(
        required=True,
        validate=validate.Length(max=LONGEST),
        **described_as("A public https:// address, port 443 or above 1023"),
    )
    events = fields.List(fields.String(validate=validate.OneOf([*NAMES, *PATTERNS])), **_EVENTS)
    labels = fields.Dict(keys=fields.String(), values=fields.String(), **_LABELS)
    description = fields.String(validate=validate.Length(max=MOST_DESCRIPTION))


class ChangeWebhook(NewWebhook):
    url = fields.String(validate=validate.Length(max=LONGEST))
    state = fields.String(validate=validate.OneOf(list(map(str, WebhookState))))


class DeliveryQuery(Query):
    page_size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=500))
    page_token = fields.String(load_default="", **described_as("The next_page_token of an answer"))


class Webhook(Answered):
    webhook_id = text("Its id")
    url = text("Where messages are sent")
    events = texts("What it hears of")
    labels = mapping("Labels that a workflow or batch must have")
    description = text("The user's own words")
    state = word(list(map(str, WebhookState)))
    reason = text("Why it is disabled; else empty")
    last_success_at = time("When a message was last delivered", null=True)
    failing_since = time("Since when every attempt has failed", null=True)
    created_at = time("When it was created")
    updated_at = time("When a user last changed it, or it was disabled")


class CreatedWebhook(Webhook):
    secret = text("What messages are signed with; it is shown here only")


class WebhookList(Answered):
    webhooks = many(Webhook, "Newest first")


class Secret(Answered):
    webhook_id = text("Its id")
    secret = text("What messages are signed with; it is shown here only")


class Delivery(Answered):
    delivery_id = text("Its id: the header `webhook-id`")
    event = text("What it reports")
    workflow_id = text("The workflow, where it is about one", null=True)
    state = word(list(map(str, DeliveryState)))
    attempts = integer("How often it was sent")
    last_status = integer("The HTTP status of the last answer", null=True)
    last_error = text("Why the last attempt failed; else empty")
    next_attempt_at = time("Not before; null if none follows", null=True)
    created_at = time("When it was stored")


class Deliveries(Answered):
    deliveries = many(Delivery, "Newest first, of the last 30 days")
    next_page_token = text("For `page_token`; null on the last page", null=True)


WEBHOOK_ID: Final = "wh_5f3a9c0e7d1b4a6f8e2c9d0b1a3f5e7c"
REQUEST: Final = {
    "url": "https://lab.example.org/hooks/bvbrc",
    "events": ["workflow.*", "batch.*"],
    "labels": {"project": "outbreak-7"},
}
WEBHOOK: Final[dict[str, Any]] = {
    "webhook_id": WEBHOOK_ID,
    **REQUEST,
    "description": "",
    "state": "enabled",
    "reason": "",
    "last_success_at": "2026-01-19T10:41:07.112Z",
    "failing_since": None,
    "created_at": "2026-01-19T10:00:00.000Z",
    "updated_at": "2026-01-19T10:00:00.000Z",
}
SECRET: Final = {
    "webhook_id": WEBHOOK_ID,
    "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD2fZ1yP0nYq0=",
}
DELIVERY: Final = {
    "delivery_id": "msg_7c1b4a6f8e2c9d0b1a3f5e7c5f3a9c0e",
    "event": "workflow.succeeded",
    "workflow_id": "wf_0a3f5e7c5f3a9c0e7d1b4a6f8e2c9d0b",
    "state": "pending",
    "attempts": 1,
    "last_status": 503,
    "last_error": "it answered 503",
    "next_attempt_at": "2026-01-19T10:46:07.112Z",
    "created_at": "2026-01-19T10:41:02.112Z",
}
