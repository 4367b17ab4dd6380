"""The tools, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from agents.api import Api
from agents.tools import apps, batches, inspection, submit, templates, workflows

READ: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
SUBMIT: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
CANCEL: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
RETRY: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)


@dataclass(frozen=True, slots=True)
class _Declared:
    """A tool's function, its title for people, and its hints for clients."""

    function: Callable[..., Any]
    title: str
    hints: ToolAnnotations


def make_tools(api: Api) -> list[Tool]:
    """All tools, on one client of the API. Their docstrings are what models read."""
    catalogue, submitting = apps.AppTools(api), submit.SubmitTools(api)
    following, looking = workflows.WorkflowTools(api), inspection.InspectionTools(api)
    ready, many = templates.TemplateTools(api), batches.BatchTools(api)
    declared = [
        _Declared(ready.list_templates, "List templates", READ),
        _Declared(ready.describe_template, "Describe a template", READ),
        _Declared(ready.submit_template, "Submit a workflow from a template", SUBMIT),
        _Declared(catalogue.list_apps, "List BV-BRC apps", READ),
        _Declared(catalogue.describe_app, "Describe a BV-BRC app", READ),
        _Declared(submitting.validate_workflow, "Validate a workflow", READ),
        _Declared(submitting.submit_workflow, "Submit a workflow", SUBMIT),
        _Declared(submitting.submit_cwl, "Submit a CWL workflow", SUBMIT),
        _Declared(many.submit_batch, "Submit a workflow for many samples", SUBMIT),
        _Declared(many.get_batch, "Show a batch", READ),
        _Declared(following.list_workflows, "List your workflows", READ),
        _Declared(following.get_workflow, "Show a workflow", READ),
        _Declared(following.wait_for_workflow, "Wait for a workflow", READ),
        _Declared(looking.explain_workflow, "Explain why steps wait", READ),
        _Declared(looking.forecast_end, "Forecast when a workflow ends", READ),
        _Declared(looking.get_log, "Read a workflow's log", READ),
        _Declared(looking.get_step_output, "Read what a step's job wrote", READ),
        _Declared(following.cancel_workflow, "Cancel a workflow", CANCEL),
        _Declared(following.retry_workflow, "Retry a workflow", RETRY),
    ]
    return [_make(each) for each in declared]


def _make(declared: _Declared) -> Tool:
    """A tool that refuses unknown arguments. The generated titles are removed from its schemas:
    models pay for them in each conversation, and they say nothing.
    """
    tool = Tool.from_function(
        declared.function, title=declared.title, annotations=declared.hints, structured_output=True
    )
    metadata = tool.fn_metadata
    metadata.arg_model.model_config["extra"] = "forbid"
    metadata.arg_model.model_rebuild(force=True)
    tool.parameters = without_titles(metadata.arg_model.model_json_schema())
    metadata.output_schema = without_titles(metadata.output_schema or {})
    tool.description = " ".join(tool.description.split())
    return tool


def without_titles(schema: Any) -> Any:
    """A JSON schema without titles and without the docstrings of models."""
    if isinstance(schema, list):
        return [without_titles(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    is_model = schema.get("type") == "object" and "properties" in schema
    dropped = {"title", "description"} if is_model else {"title"}
    return {
        key: {name: without_titles(each) for name, each in value.items()}
        if key in ("properties", "$defs")
        else without_titles(value)
        for key, value in schema.items()
        if key not in dropped or not isinstance(value, str)
    }
