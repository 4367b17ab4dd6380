"""Schemas of WES, as ``/openapi.json`` shows them. No optional field is ever null."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.api.schemas.request_schemas import Query
from app.api.schemas.response_schemas import Error
from app.api.schemas.schema_fields import described_as, mapping, text, texts
from app.wes.run_request import ATTACHMENT, NATIVE, PARAMETERS
from app.wes.states import RunState

FORM_FIELDS: Final = "application/x-www-form-urlencoded"
_STATES: Final = [str(state) for state in RunState]


def optional_time(description: str) -> fields.String:
    """ISO 8601 in UTC with ``Z``, whole seconds; absent while it is not known."""
    return fields.String(**described_as(description, format="date-time"))


def optional_text(description: str) -> fields.String:
    return fields.String(**described_as(description))


def state() -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(_STATES))


class WesSchema(Schema):
    class Meta:
        unknown = RAISE


class WesError(Error):
    msg = text("The same as `detail`")
    status_code = fields.Integer(required=True)


class RunId(WesSchema):
    run_id = text("Of the run: the workflow's id")


class RunStatus(RunId):
    state = state()


class RunSummary(RunStatus):
    start_time = optional_time("When its first step ran")
    end_time = optional_time("When it ended")
    tags = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class RunListResponse(WesSchema):
    runs = fields.List(fields.Nested(RunSummary), required=True)
    next_page_token = text("For `page_token`; empty on the last page")


class Log(WesSchema):
    name = text("Of the workflow or step")
    start_time = optional_time("When it started at BV-BRC")
    end_time = optional_time("When it ended")
    stdout = optional_text("An address; it takes the same token")
    stderr = optional_text("An address; it takes the same token")
    exit_code = fields.Integer(**described_as("Of a run that has ended: 0 if it is COMPLETE"))
    system_logs = texts("Why it does not go on, or failed; BV-BRC's task id")


class TaskLog(Log):
    id = text("Unique in the run: `<step index>.<attempt>`")


class TaskListResponse(WesSchema):
    task_logs = fields.List(fields.Nested(TaskLog), required=True)
    next_page_token = text("For `page_token`; empty on the last page")


class WesRequest(WesSchema):
    workflow_type = text("`CWL`, or `BVBRC` for workflows as JSON")
    workflow_type_version = text("As it was sent")
    workflow_url = text("The attachment that is the workflow")
    workflow_params = mapping("The input object")
    tags = fields.Dict(keys=fields.String(), values=fields.String())
    workflow_engine = optional_text("As it was sent")
    workflow_engine_version = optional_text("As it was sent")
    workflow_engine_parameters = fields.Dict(keys=fields.String(), values=fields.String())


class RunLog(RunStatus):
    request = fields.Nested(WesRequest, required=True)
    run_log = fields.Nested(Log, required=True)
    task_logs_url = text("Where all tasks are listed, page by page")
    task_logs = fields.List(
        fields.Nested(TaskLog),
        required=True,
        allow_none=True,
        **described_as("Every task; null if there are more than 100"),
    )
    outputs = mapping("By name; empty until there are some")


class ServiceInfo(WesSchema):
    id = text("Reverse domain")
    name = text("Of the service")
    type = mapping("`org.ga4gh`, `wes`, `1.1.0`")
    description = text("What it does")
    organization = mapping("Its name and URL")
    contactUrl = optional_text("Whom to ask")  # noqa: N815 - theirs
    documentationUrl = text("The API's documentation")  # noqa: N815 - theirs
    environment = optional_text("Such as `production`")
    version = text("Of the engine")
    workflow_type_versions = mapping("By type")
    supported_wes_versions = texts("Versions of WES")
    supported_filesystem_protocols = texts("`ws`: BV-BRC's Workspace")
    workflow_engine_versions = mapping("By engine")
    default_workflow_engine_parameters = fields.List(fields.Dict(), required=True)
    system_state_counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        **described_as("Runs of all users by state, up to 30 seconds old"),
    )
    auth_instructions_url = text("How to authenticate")
    tags = mapping("None")


def _key_value(value: str) -> None:
    if ":" not in value:
        raise ValidationError("Must be key:value.")


class PageQuery(Query):
    page_size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=100))
    page_token = fields.String(load_default="", **described_as("The next_page_token of an answer"))


class RunsQuery(PageQuery):
    state = fields.List(
        fields.String(validate=validate.OneOf(_STATES)),
        load_default=list,
        **described_as("Any of these states; a page may then hold fewer runs than asked for"),
    )
    tags = fields.List(
        fields.String(validate=_key_value),
        load_default=list,
        **described_as("key:value; all of them"),
    )


def _part(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


RUN_REQUEST: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["workflow_type", "workflow_type_version", "workflow_url"],
    "properties": {
        "workflow_type": _part(f"`CWL` or `{NATIVE}`, in any case"),
        "workflow_type_version": _part(f"`v1.0`, `v1.1`, `v1.2`; of `{NATIVE}`: `1.0`"),
        "workflow_url": _part("The name of an attachment, perhaps with `#fragment`"),
        "workflow_params": _part("A JSON object: the inputs; merged into `base_context`"),
        "tags": _part("A JSON object of texts: the workflow's labels"),
        "workflow_engine": _part("`bvbrc-workflow-engine`"),
        "workflow_engine_version": _part("This engine's; it needs `workflow_engine`"),
        "workflow_engine_parameters": _part(f"A JSON object of texts: {', '.join(PARAMETERS)}"),
        ATTACHMENT: {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "The documents, by file names that may hold folders",
        },
    },
}
