"""Schemas of requests: bodies as ``/openapi.json`` shows them, and query strings.

``workflows.spec.validate`` reads the bodies, since it reports more problems
(docs/decisions/0017-what-flask-smorest-and-marshmallow-do.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from marshmallow import EXCLUDE, INCLUDE, RAISE, Schema, ValidationError, fields, pre_load, validate

from app.api.schemas.schema_fields import STEP_STATES, described_as, mapping
from workflows.model.values import USUAL_RETRY, OnFailure
from workflows.spec.checks.charset import BASE_URL_CHARACTERS
from workflows.spec.checks.reuse import WORDS
from workflows.spec.checks.shape import (
    HIGHEST_PRIORITY,
    LONGEST_BACKOFF_SECONDS,
    MOST_ATTEMPTS,
    MOST_LABELS,
    Limits,
)
from workflows.spec.checks.suggestions import did_you_mean
from workflows.spec.checks.texts import LONGEST_NAME

MOST_STEPS = Limits().steps
PRIORITY = validate.Range(min=-HIGHEST_PRIORITY, max=HIGHEST_PRIORITY)
NAME = validate.Length(min=1, max=LONGEST_NAME)


REUSE: Final = (
    '`"never"`, `"mine"`, or `{"max_age_days": n, "join": bool}`: whether steps take the results of'
    " the owner's earlier jobs that computed the same"
)


class Retry(Schema):
    class Meta:
        unknown = RAISE

    max_attempts = fields.Integer(
        validate=validate.Range(min=1, max=MOST_ATTEMPTS),
        **described_as("Jobs that are started for the step at most", default=1),
    )
    backoff_seconds = fields.Float(
        validate=validate.Range(min=0, max=LONGEST_BACKOFF_SECONDS),
        **described_as(
            "The wait before the second attempt; each further one is twice as long, up to 6 hours",
            default=USUAL_RETRY.backoff.total_seconds(),
        ),
    )


class StepDocument(Schema):
    class Meta:
        unknown = RAISE

    step_name = fields.String(
        required=True, validate=NAME, **described_as("Other steps refer to it by this name")
    )
    app = fields.String(required=True, **described_as("An id of BV-BRC's AppService, or its alias"))
    params = mapping("The app's parameters; `${…}` refers to other things")
    outputs = fields.Dict(
        **described_as(
            'Name to template. `{"glob": "…/*.fa", "many": true, "optional": true}` is looked for'
            " when the job has ended. Outputs that the app is known to write need no declaration",
            default={},
        )
    )
    depends_on = fields.List(
        fields.String(),
        allow_none=True,
        **described_as("Step names; a reference to a step implies it", default=[]),
    )
    retry = fields.Nested(Retry, **described_as("Attempts after a job that failed"))
    reuse = fields.Boolean(**described_as("False: its job runs in any case", default=True))


class BaseContext(Schema):
    """Any further key is a value of your own, for `${key}`."""

    base_url = fields.String(
        required=True,
        validate=validate.Length(max=BASE_URL_CHARACTERS),
        **described_as("Of BV-BRC: `https://www.bv-brc.org`"),
    )
    workspace_output_folder = fields.String(
        required=True, **described_as("A Workspace folder of yours, for `output_path`")
    )


class WorkflowDocument(Schema):
    class Meta:
        unknown = RAISE

    workflow_name = fields.String(
        required=True, validate=NAME, **described_as("What lists and pages call it")
    )
    version = fields.String(
        required=True, validate=NAME, **described_as('Of the document\'s form: `"1.0"`')
    )
    base_context = fields.Nested(
        BaseContext, required=True, **described_as("Values that every step may refer to")
    )
    steps = fields.List(
        fields.Nested(StepDocument),
        required=True,
        validate=validate.Length(min=1, max=MOST_STEPS),
        **described_as("In any order"),
    )
    workflow_outputs = fields.List(
        fields.String(), **described_as("References to the results that matter", default=[])
    )
    labels = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        **described_as(f"To find it again; at most {MOST_LABELS}", default={}),
    )
    max_parallel_steps = fields.Integer(
        validate=validate.Range(min=1),
        **described_as(
            "Steps that run at the same time. Default and most:"
            " `executor.max_parallel_steps_per_workflow`"
        ),
    )
    on_failure = fields.String(
        validate=validate.OneOf([str(each) for each in OnFailure]),
        **described_as(
            "What becomes of independent steps when one fails: they finish, or are killed",
            default=str(OnFailure.CONTINUE),
        ),
    )
    reuse = fields.Raw(**described_as(REUSE + ". Default: `reuse.default`"))
    priority = fields.Integer(
        validate=PRIORITY,
        **described_as("Among your own work; higher goes first", default=0),
    )


class ChangeWorkflow(Schema):
    class Meta:
        unknown = RAISE

    priority = fields.Integer(
        required=True,
        validate=PRIORITY,
        **described_as("Among its owner's work; higher goes first"),
    )


class ById(Schema):
    class Meta:
        unknown = RAISE

    workflow_id = fields.String(required=True, **described_as("Of a planned workflow"))


class CwlSubmission(Schema):
    """Or a bare CWL document."""

    class Meta:
        unknown = INCLUDE

    workflow = fields.Raw(**described_as("The CWL document, as text or as an object; or `cwl`"))
    inputs = fields.Raw(allow_none=True, **described_as("The input object, or its text"))
    files = fields.Dict(**described_as("Further documents by relative path"))
    entry = fields.String(**described_as("Which process of the document, `#main`"))
    workspace_output_folder = fields.String(**described_as("Where results go"))
    name = fields.String(**described_as("The workflow's name"))
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    max_parallel_steps = fields.Integer(validate=validate.Range(min=1))
    on_failure = fields.String(validate=validate.OneOf([str(each) for each in OnFailure]))
    reuse = fields.Raw(**described_as(REUSE))


class Nothing(Schema):
    class Meta:
        unknown = RAISE


class RetryChanges(Schema):
    class Meta:
        unknown = RAISE

    params = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(),
        **described_as("Step to parameters that replace its own; null removes one"),
    )
    # A keyword of Python is no name of a class's field.
    locals()["from"] = fields.List(
        fields.String(),
        **described_as("Steps that start again with all that depends on them, if they succeeded"),
    )


class FreshToken(Schema):
    class Meta:
        unknown = RAISE

    token = fields.String(**described_as("If it is not the one in the Authorization header"))


class Flag(fields.Boolean):
    """``?follow`` means yes."""

    def _deserialize(self, value: Any, *args: Any, **named: Any) -> Any:
        return True if value == "" else super()._deserialize(value, *args, **named)


class Moment(fields.AwareDateTime):
    """A time in UTC. The first and the last hours of the calendar may lie outside of it there."""

    def _deserialize(self, value: Any, *args: Any, **named: Any) -> datetime:
        found: datetime = super()._deserialize(value, *args, **named)
        try:
            return found.astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type="datetime") from None


class Query(Schema):
    """A query string. Unknown arguments are ignored, since browsers and proxies add theirs; one
    that resembles ours is refused as a misspelling.
    """

    class Meta:
        unknown = EXCLUDE

    is_strict: ClassVar[bool] = False
    """Every unknown argument is refused, but for those that browsers and proxies are known to add:
    a filter that is passed over answers too much."""

    @pre_load
    def _refuse_slips(self, found: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        hints = {name: did_you_mean(name, self.fields) for name in found if name not in self.fields}
        known = f"known are {', '.join(self.fields)}" if self.is_strict else ""
        slips = {
            name: [f"There is no such argument; {hint or known}"]
            for name, hint in hints.items()
            if hint or (known and not _ADDED.match(name))
        }
        if slips:
            raise ValidationError(slips)
        return found


_ADDED: Final = re.compile(r"_|utm_|dojo\.")
"""Against caches (``_=1768816800``, ``dojo.preventCache``), and to count visitors."""


def key_value(text: str) -> None:
    """Raises ``ValidationError`` unless the text is a label, key:value."""
    if ":" not in text:
        raise ValidationError("Must be key:value.")


class StatusQuery(Query):
    steps = fields.List(
        fields.String(validate=validate.OneOf(STEP_STATES)),
        load_default=list,
        **described_as("Only steps in any of these states"),
    )
    page_size = fields.Integer(
        validate=validate.Range(min=1, max=MOST_STEPS), **described_as("At most so many steps")
    )
    page_token = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=2**31),
        **described_as("The next_page_token of an answer"),
    )


class SubmitQuery(Query):
    reuse = fields.String(
        validate=validate.OneOf(WORDS),
        **described_as("Whether steps may take results of earlier jobs; wins over the document"),
    )


class ValidateQuery(Query):
    forecast = Flag(
        load_default=False, **described_as("Say also how long it would take (docs/forecast.md)")
    )


class CwlQuery(SubmitQuery):
    dry_run = Flag(
        load_default=False, **described_as("Return the native workflow and store nothing")
    )
    name = fields.String(**described_as("The workflow's name, where the body gives none"))
    labels = fields.List(
        fields.String(validate=key_value), **described_as("key:value, where the body gives none")
    )
    max_parallel_steps = fields.Integer(
        validate=validate.Range(min=1), **described_as("Where the body gives none")
    )
    on_failure = fields.String(
        validate=validate.OneOf([str(each) for each in OnFailure]),
        **described_as("Where the body gives none"),
    )


class AppsQuery(Query):
    query = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        **described_as("Words, all of which an app has in its id, texts or other names"),
    )
    page_size = fields.Integer(load_default=100, validate=validate.Range(min=1, max=500))
    page_token = fields.String(load_default="", **described_as("The next_page_token of an answer"))


class DurationsQuery(Query):
    hours = fields.Integer(
        load_default=24,
        validate=validate.Range(min=1, max=720),
        **described_as("How many of the newest hours in which jobs ended are listed"),
    )


class ReadyQuery(Query):
    strict = Flag(
        load_default=False,
        **described_as("Check every part, and answer 503 whenever `status` is unhealthy"),
    )


class LogQuery(Query):
    tail = fields.Integer(
        validate=validate.Range(min=0, max=2**31), **described_as("Only the last lines, this many")
    )
    follow = Flag(load_default=False, **described_as("Follow until the final state"))


class AttemptQuery(Query):
    attempt = fields.Integer(
        validate=validate.Range(min=1, max=2**31),
        **described_as("Which attempt of the step, from 1 on; without it, the latest"),
    )


class FileQuery(Query):
    path = fields.String(
        load_default="", **described_as("Of the Workspace, as the workflow's outputs have it")
    )


class EventQuery(Query):
    after = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=2**31),
        **described_as("Only events with a higher number"),
    )
    limit = fields.Integer(load_default=10_000, validate=validate.Range(min=1, max=10_000))
