"""The structured results of the tools; the SDK makes the output schemas of them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field

Json = Any
Object = dict[str, Any]


class Result(BaseModel):
    """A result with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Problem(Result):
    """One problem, warning or correction."""

    path: Annotated[str, Field(description="Where, e.g. steps[1].params.contigs")]
    code: str
    message: str
    suggestion: Annotated[str, Field(description="What to write instead; may be empty")]


class ListedApp(Result):
    app: Annotated[str, Field(description="For a step's app")]
    label: str
    description: str


class AppList(Result):
    apps: list[ListedApp]
    next_page_token: str | None
    warnings: list[Problem]


class AppOutput(Result):
    name: Annotated[str, Field(description="For ${steps.STEP.outputs.NAME}")]
    pattern: Annotated[str | None, Field(description="Null: known when the step has ended")]


class AppDescription(Result):
    app: str
    label: str
    description: str
    parameters: Annotated[
        list[Object],
        Field(description="name, type, required, multiple, default, choices, description, members"),
    ]
    conditions: Annotated[
        list[Object], Field(description="What must be given where another parameter has a value")
    ]
    outputs: list[AppOutput]
    example: Annotated[Object, Field(description="A workflow that validates")]
    common_mistakes: list[str]
    durations: Annotated[
        Object | None, Field(description="How long its jobs waited and ran; null: no history")
    ]
    warnings: list[Problem]


class Validation(Result):
    valid: bool
    workflow: Annotated[
        Object | None, Field(description="The corrected workflow: submit this; null if invalid")
    ]
    problems: Annotated[list[Problem], Field(description="Correct each of them")]
    warnings: list[Problem]
    auto_fixes: Annotated[list[Problem], Field(description="Corrections already made")]


class Submitted(Result):
    workflow_id: str
    status: str
    message: str
    warnings: list[Problem] = []


class CwlSubmitted(Result):
    workflow_id: Annotated[str | None, Field(description="Null after a dry run")] = None
    status: str
    message: str
    workflow: Annotated[Object | None, Field(description="After a dry run: the plan")] = None
    waits_for: Annotated[
        list[str], Field(description="Steps whose results determine further steps")
    ] = []
    warnings: list[Problem] = []


class ListedTemplate(Result):
    name: Annotated[str, Field(description="For describe_template and submit_template")]
    latest: int
    title: str
    description: str
    deprecated: Annotated[str | None, Field(description="What to use instead")]


class TemplateList(Result):
    templates: list[ListedTemplate]
    next_page_token: str | None


class TemplateStep(Result):
    step_name: str
    app: str
    depends_on: list[str]


class TemplateDescription(Result):
    name: str
    version: int
    title: str
    description: str
    deprecated: str | None
    inputs: Annotated[Object, Field(description="JSON Schema of the inputs")]
    example: Annotated[Object | None, Field(description="Inputs that work")]
    needs_folder: Annotated[bool, Field(description="True: workspace_output_folder must be given")]
    steps: list[TemplateStep]


class TemplateSubmitted(Result):
    workflow_id: Annotated[str | None, Field(description="Null after a dry run")] = None
    status: str
    message: str
    workflow: Annotated[Object | None, Field(description="After a dry run")] = None
    warnings: list[Problem] = []


class BatchSubmitted(Result):
    batch_id: Annotated[str | None, Field(description="Null after a dry run")] = None
    status: str
    count: Annotated[int, Field(description="Samples")]
    problems: Annotated[list[Problem], Field(description="After a dry run: correct each")] = []
    warnings: list[Problem] = []


class BatchFailure(Result):
    app: str
    reason: str
    count: int
    samples: list[str]


class BatchRow(Result):
    sample: str
    workflow_id: str | None
    status: str
    error_message: str | None
    outputs: Object


class Batch(Result):
    batch_id: str
    name: str
    status: str
    finished: Annotated[bool, Field(description="False: ask again later")]
    count: int
    counts: Annotated[dict[str, int], Field(description="Samples by status; waiting: not begun")]
    failures: Annotated[list[BatchFailure], Field(description="The most frequent reasons")]
    gather: Annotated[
        Object | None,
        Field(description="The steps over all samples: workflow_id, status, rows, message"),
    ]
    message: Annotated[str, Field(description="What keeps it from going on; usually empty")]
    rows: Annotated[list[BatchRow], Field(description="With detail results: at most 200")]
    rows_omitted: int


class ListedWorkflow(Result):
    workflow_id: str
    workflow_name: str
    status: str
    step_count: int
    apps: list[str]
    labels: dict[str, str]
    created_at: str
    completed_at: str | None


class WorkflowList(Result):
    workflows: Annotated[list[ListedWorkflow], Field(description="Newest first")]
    next_page_token: str | None


class Step(Result):
    model_config = ConfigDict(extra="allow")

    step_name: str
    app: str
    status: str
    job_id: str
    error_message: str | None


class Progress(Result):
    workflow_id: str
    workflow_name: str
    status: str
    finished: Annotated[bool, Field(description="False: call wait_for_workflow again")]
    paused: Annotated[
        bool, Field(description="True: no step starts until a person resumes it; do not wait")
    ]
    step_counts: Annotated[dict[str, int], Field(description="Number of steps by status")]
    steps: Annotated[list[Step], Field(description="At most 100: failed ones first")]
    steps_omitted: int
    outputs: Annotated[
        dict[str, Object], Field(description="Of succeeded steps: name to Workspace path")
    ]
    workflow_outputs: list[Any]
    error_message: str | None


class ExpectedStep(Result):
    step_name: str
    app: str
    start: dict[str, str]
    end: dict[str, str]


class Parallel(Result):
    at_a_time: Annotated[int, Field(description="max_parallel_steps; of a batch: max_active")]
    allowed: Annotated[bool, Field(description="Whether the engine's settings allow it")]
    remaining_seconds: dict[str, float]


class Forecast(Result):
    message: Annotated[str, Field(description="All of it in words: say this to the user")]
    no_history: Annotated[list[str], Field(description="Apps of which too few jobs have run")]
    end: Annotated[
        dict[str, str] | None,
        Field(
            description="p50: the median; p90: nine cases in ten are not later. Null: not known,"
            " see no_history, or nothing is left to run"
        ),
    ]
    remaining_seconds: dict[str, float] | None
    critical_path: Annotated[list[str], Field(description="Steps that decide about the end")]
    steps: Annotated[
        list[ExpectedStep],
        Field(description="Of a workflow: steps that have not ended, at most 100"),
    ]
    steps_omitted: int
    parallel: Annotated[
        list[Parallel], Field(description="The end with more at a time; the present number first")
    ]


class Hold(Result):
    """What keeps a step from starting, by a person's wish."""

    hold_id: str
    scope: str
    mode: str
    by: Annotated[str, Field(description="The user who set it")]
    reason: str


class Reason(Result):
    step_name: str
    status: str
    code: str
    message: str
    unblocked_by: str
    since: str | None
    until: str | None
    waiting_for: list[str]
    job_id: str
    hold: Hold | None


class Explanation(Result):
    workflow_id: str
    status: str
    message: str
    steps: Annotated[list[Reason], Field(description="Steps that have not ended, at most 100")]
    steps_omitted: int


class Text(Result):
    text: str


class StepOutput(Result):
    notice: str
    text: str
    truncated: Annotated[bool, Field(description="True if there is more before this")]


class Receipt(Result):
    step_name: str
    job_id: str
    outcome: str


class Cancelled(Result):
    workflow_id: str
    status: str
    steps: list[Receipt]


def answer(result: Result, text: str | None = None) -> CallToolResult:
    """A tool's answer: structured, and as text for clients that show text alone."""
    found = result.model_dump(mode="json")
    shown = json.dumps(found, ensure_ascii=False, separators=(",", ":")) if text is None else text
    return CallToolResult(content=[TextContent(text=shown)], structured_content=found)
