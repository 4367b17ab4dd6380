"""Schemas of the routes about holds, as ``/openapi.json`` shows them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from app.api import examples
from app.api.schemas.response_schemas import Submitted
from app.api.schemas.schema_fields import Answered, count, described_as, many, text, time, word
from workflows.rules.holds import Mode, Scope

SCOPES: Final = [str(scope) for scope in Scope]
MODES: Final = [str(mode) for mode in Mode]
LONGEST_REASON: Final = 1_000


class NewHold(Schema):
    class Meta:
        unknown = RAISE

    scope = fields.String(required=True, validate=validate.OneOf(SCOPES))
    target = fields.String(
        **described_as(
            "A user, an app, a batch, a template or a workflow; of scope `user`: yourself if absent"
        )
    )
    mode = fields.String(
        load_default="hold",
        validate=validate.OneOf(MODES),
        **described_as("`drain`: workflows that run go on to their end"),
    )
    reason = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST_REASON))
    until = fields.String(**described_as("When it ends by itself, ISO 8601", format="date-time"))


class Hold(Answered):
    hold_id = text("Its id")
    scope = word(SCOPES)
    target = text("A user, an app, a batch, a template or a workflow", null=True)
    mode = word(MODES)
    reason = text("Why")
    by = text("The user who set it")
    created_at = time("When it was set")
    until = time("When it ends by itself", null=True)
    message = text("All of it in a sentence")
    under_way = count("Jobs that were being sent before, of which BV-BRC has not answered yet")


class Holds(Answered):
    holds = many(Hold, "The oldest first")


class Paused(Submitted):
    under_way = count("Jobs that were being sent before, of which BV-BRC has not answered yet")


REQUEST: Final[dict[str, Any]] = {
    "scope": "global",
    "mode": "drain",
    "reason": "maintenance of BV-BRC",
    "until": "2026-01-20T06:00:00Z",
}
EXAMPLE: Final[dict[str, Any]] = {
    "hold_id": "hold_7d3f0c2f2e6a4d55a3f0d6f6f6c1a110",
    "scope": "global",
    "target": None,
    "mode": "drain",
    "reason": "maintenance of BV-BRC",
    "by": "operator@patricbrc.org",
    "created_at": "2026-01-19T18:00:00.000Z",
    "until": "2026-01-20T06:00:00.000Z",
    "message": "Nothing starts, except in workflows that ran already until 2026-01-20 06:00 UTC:"
    " maintenance of BV-BRC.",
    "under_way": 0,
}
PAUSED: Final[dict[str, Any]] = {
    **examples.SUBMITTED,
    "message": "Workflow paused",
    "under_way": 0,
}
