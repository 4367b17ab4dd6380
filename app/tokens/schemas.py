"""Schemas of the routes about the stored token, as ``/openapi.json`` shows them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import RAISE, Schema, fields

from app.api.schemas.schema_fields import Answered, described_as, text, time, word


class ChangeCredentials(Schema):
    class Meta:
        unknown = RAISE

    renew = fields.Boolean(
        required=True,
        **described_as("Whether the engine renews your token while you have work under way"),
    )


class Credentials(Answered):
    stored = fields.Boolean(required=True, **described_as("Whether the engine keeps a token"))
    expires_at = time("When it ends; null without one", null=True)
    refused = fields.Boolean(required=True, **described_as("Whether BV-BRC has refused it"))
    renew = fields.Boolean(required=True, **described_as("What you chose"))
    renew_tokens = word(["active", "never"], "What the operator chose")
    renews_at = time("When the engine looks whether to renew it", null=True)
    renewed_at = time("When the engine renewed it last", null=True)
    problem = text("Why the last try to renew it failed")


EXAMPLE: Final[dict[str, Any]] = {
    "stored": True,
    "expires_at": "2026-07-18T10:00:00.000Z",
    "refused": False,
    "renew": True,
    "renew_tokens": "active",
    "renews_at": "2026-05-19T02:13:20.000Z",
    "renewed_at": None,
    "problem": "",
}
