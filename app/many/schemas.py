"""Schemas of lists of workflows and of actions on many."""

from __future__ import annotations

from datetime import UTC
from typing import Final

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas.request_schemas import Flag, Moment, Query, key_value
from app.api.schemas.schema_fields import (
    WORKFLOW_STATES,
    Answered,
    count,
    described_as,
    many,
    text,
    word,
)
from workflows.engine.many import Action, Result
from workflows.spec.checks.texts import LONGEST_NAME
from workflows.store.workflows.listing import FIELDS as ORDERS

MOST_IDS: Final = 500
MOST_A_CALL: Final = 100
"""Workflows that one call acts on."""
ID: Final = "wf_5f1d2c3b4a59687786a5b4c3d2e1f001"


class FilterFields(Schema):
    """Which workflows."""

    status = fields.List(
        fields.String(validate=validate.OneOf(WORKFLOW_STATES)), **described_as("Any of these")
    )
    has_failed_step = Flag(
        **described_as("Whether a step has failed, also while the workflow goes on")
    )
    parked = Flag(**described_as("Whether it waits for a fresh token"))
    app = fields.String(
        validate=validate.Length(max=LONGEST_NAME),
        **described_as("A step uses this app; upper and lower case are alike"),
    )
    name = fields.String(
        validate=validate.Length(max=LONGEST_NAME),
        **described_as("A part of its name; upper and lower case are alike"),
    )
    label = fields.List(fields.String(validate=key_value), **described_as("key:value; all of them"))
    since = Moment(default_timezone=UTC, **described_as("Accepted at or after this"))
    until = Moment(default_timezone=UTC, **described_as("Accepted before this"))
    batch = fields.String(**described_as("Rows of this batch"))
    template = fields.String(
        validate=validate.Regexp(r"^[^@]+(@[0-9]{1,9})?$"),
        **described_as("Made from this template: `name`, or `name@version`"),
    )
    owner = fields.String(**described_as("For admins: workflows of this user; `*`: of all users"))


def ids_field() -> fields.List[str]:
    return fields.List(
        fields.String(), validate=validate.Length(max=MOST_IDS), **described_as("Any of these ids")
    )


class ListQuery(Query, FilterFields):
    is_strict = True
    sort = fields.String(
        load_default="-created_at",
        validate=validate.OneOf([way + name for name in ORDERS for way in ("", "-")]),
        **described_as("The order; `-`: the highest first. Of all users: by created_at alone"),
    )
    counts = Flag(load_default=False, **described_as("Also count them by state"))
    page_size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=500))
    page_token = fields.String(load_default="", **described_as("The next_page_token of an answer"))


class FilterBody(FilterFields):
    """The filter of an action: that of the list, or ids."""

    class Meta:
        unknown = RAISE

    workflow_id = ids_field()


class ActionBody(Schema):
    class Meta:
        unknown = RAISE

    action = fields.String(
        required=True, validate=validate.OneOf([str(action) for action in Action])
    )
    filter = fields.Nested(
        FilterBody, required=True, **described_as("Arguments of `GET /workflows`; or ids")
    )
    expected_count = fields.Integer(
        validate=validate.Range(min=0),
        **described_as("Nothing is done unless the first call matches so many"),
    )
    dry_run = fields.Boolean(**described_as("Do nothing, and answer what would be done"))
    page_size = fields.Integer(validate=validate.Range(min=1, max=MOST_A_CALL))
    page_token = fields.String(**described_as("The next_page_token of an answer to the same body"))


REQUEST: Final = {"action": "cancel", "filter": {"status": "running", "name": "screen"}}


class ActionOutcome(Answered):
    workflow_id = text("Its id")
    outcome = word([str(result) for result in Result])
    message = text("Why it was not done; empty where it was")


class ActionAnswer(Answered):
    action_id = text("Of all calls of this action; log lines of the engine have it")
    matched = count("How many the action applied to when it began")
    outcomes = many(ActionOutcome, "Of this call, the newest workflow first")
    under_way = count(
        "Jobs of workflows that this call paused: they were being sent before, and may still start"
    )
    next_page_token = text("Call again with it as `page_token`; null at the end", null=True)


ACTED: Final = {
    "action_id": "act_0f1e2d3c4b5a6978",
    "matched": 1,
    "outcomes": [{"workflow_id": ID, "outcome": "cancelled", "message": ""}],
    "under_way": 0,
    "next_page_token": None,
}
