"""The fields that the schemas of answers are made of."""

from __future__ import annotations

from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from workflows.model.states import StepState, WorkflowState

WORKFLOW_STATES = [str(state) for state in WorkflowState]


STEP_STATES = [str(state) for state in StepState]


def described_as(text: str, **more: Any) -> dict[str, Any]:
    """A field's description."""
    return {"metadata": {"description": text, **more}}


def word(words: list[str], description: str = "") -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(words), **described_as(description))


def time(description: str, *, null: bool = False) -> fields.String:
    """ISO 8601 in UTC with ``Z``."""
    return fields.String(
        required=True, allow_none=null, **described_as(description, format="date-time")
    )


def text(description: str, *, null: bool = False) -> fields.String:
    return fields.String(required=True, allow_none=null, **described_as(description))


def count(description: str, *, null: bool = False) -> fields.Integer:
    return fields.Integer(required=True, allow_none=null, **described_as(description))


def texts(description: str) -> fields.List[str]:
    return fields.List(fields.String(), required=True, **described_as(description))


def many(schema: type[Schema], description: str = "") -> fields.List[Any]:
    return fields.List(fields.Nested(schema), required=True, **described_as(description))


def mapping(description: str) -> fields.Dict:
    return fields.Dict(required=True, **described_as(description))


class Answered(Schema):
    """An answer, which has these fields and no others."""

    class Meta:
        unknown = RAISE
