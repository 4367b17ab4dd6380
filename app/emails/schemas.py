"""Schemas of the routes about e-mail addresses, as ``/openapi.json`` shows them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas.schema_fields import Answered, described_as, many, text, texts, time, word
from app.webhooks.fields import STATES
from workflows.model.webhooks import AddressState
from workflows.rules.mail.digests import EVENTS, NAMES, PATTERNS

_EVENTS: Final = described_as(f"Names, `workflow.*` or `batch.*`; without it {', '.join(EVENTS)}")


class NewAddress(Schema):
    class Meta:
        unknown = RAISE

    address = fields.String(
        required=True, validate=validate.Length(max=254), **described_as("name@host.org, in ASCII")
    )
    events = fields.List(fields.String(validate=validate.OneOf([*NAMES, *PATTERNS])), **_EVENTS)


class ChangeAddress(Schema):
    class Meta:
        unknown = RAISE

    events = fields.List(fields.String(validate=validate.OneOf([*NAMES, *PATTERNS])), **_EVENTS)
    state = fields.String(validate=validate.OneOf(STATES))


class Address(Answered):
    address_id = text("Its id")
    address = text("Where letters go")
    events = texts("What they tell of")
    state = word(list(map(str, AddressState)))
    reason = text("Why nothing is sent; else empty")
    last_success_at = time("When the mail server last took a letter", null=True)
    failing_since = time("Since when every attempt has failed", null=True)
    created_at = time("When it was registered")
    updated_at = time("When its state last changed, or its events")


class AddressList(Answered):
    email_addresses = many(Address, "Newest first")


ADDRESS_ID: Final = "em_5f3a9c0e7d1b4a6f8e2c9d0b1a3f5e7c"
REQUEST: Final = {
    "address": "alice@lab.example.org",
    "events": ["workflow.failed", "batch.*"],
}
ADDRESS: Final[dict[str, Any]] = {
    "address_id": ADDRESS_ID,
    **REQUEST,
    "state": "enabled",
    "reason": "",
    "last_success_at": "2026-01-19T10:41:07.112Z",
    "failing_since": None,
    "created_at": "2026-01-19T10:00:00.000Z",
    "updated_at": "2026-01-19T10:00:00.000Z",
}
