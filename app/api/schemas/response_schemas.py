"""Schemas of answers, as ``/openapi.json`` shows them. None has a token.

Our answers are written directly (``answers.py``); the tests hold every one of them against these.
"""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields, validate

from app.api.schemas.schema_fields import (
    STEP_STATES,
    WORKFLOW_STATES,
    Answered,
    count,
    described_as,
    many,
    mapping,
    text,
    texts,
    time,
    word,
)
from workflows.model.error_codes import all_codes
from workflows.model.states import JobState


class Problem(Answered):
    path = text("The path, such as `steps[1].params.contigs`; empty for the whole")
    code = text(
        "A stable word, which docs/errors.md (of CWL, docs/cwl.md) explains. Of JSON workflows: "
        + ", ".join(f"`{code}`" for code in all_codes())
    )
    message = text("What is wrong")
    suggestion = text("How to correct it; may be empty")
    file = fields.String(**described_as("Of CWL: the file"))
    line = fields.Integer(**described_as("Of CWL: from 1 on; 0 where there are no lines"))
    column = fields.Integer(**described_as("Of CWL: from 1 on"))
    row = fields.Integer(**described_as("Of a batch: the first row of the table that has it"))
    sample = fields.String(**described_as("Of a batch: the name of that row"))
    count = fields.Integer(**described_as("Of a batch: how many rows have it"))


class TemplateReference(Answered):
    name = text("The template's name")
    version = count("Which version of it")


class Error(Answered):
    detail = text("One string that a person can act on")
    errors = many(Problem, "Every problem, where there are several")


class Submitted(Answered):
    workflow_id = text("Its id. The id alone may be enough to read the workflow: keep it private")
    status = word(WORKFLOW_STATES)
    message = text("For people")
    warnings = fields.List(
        fields.Nested(Problem),
        **described_as(
            "Present only if there are any: the token may expire before the workflow ends, steps"
            " may be reused, or a template is deprecated"
        ),
    )


class Planned(Submitted):
    workflow_name = text("As submitted")
    step_count = count("How many steps it has")
    problems = many(Problem, "Why it cannot run; empty if it can")


class Validated(Answered):
    valid = fields.Boolean(required=True, validate=validate.OneOf([True]))
    workflow_json = mapping("The corrected workflow; it can be submitted as it is")
    warnings = many(Problem, "Values that may be intended, but look wrong")
    auto_fixes = many(Problem, "The corrections that were made")
    message = text("For people")


class CwlPlanned(Validated):
    waits_for = texts("Steps whose results determine further steps; empty: all steps are known")


class CwlTool(Answered):
    app = text("The app's id")
    label = text("What it does")
    inputs = texts("Names")
    outputs = texts("Names")


class CwlTools(Answered):
    tools = many(CwlTool, "One for each app")


def is_parked() -> fields.Boolean:
    return fields.Boolean(
        required=True, **described_as("It waits for a fresh token of its owner: PUT …/token")
    )


def is_paused() -> fields.Boolean:
    return fields.Boolean(
        required=True,
        **described_as("A hold, or a restart, keeps its steps from starting: GET …/explain"),
    )


def parked_time() -> fields.String:
    return time("Since when it is parked; null also where that is not known", null=True)


class StepStatus(Answered):
    step_id = text("AppService's task id, empty before there is one")
    step_name = text("As submitted")
    name = text("The same, for clients that read this name")
    status = word(STEP_STATES)
    app = text("The BV-BRC app")
    error_message = fields.String(**described_as("Why it failed, and what to do; only if it did"))
    reused_from = fields.String(**described_as("The job whose results it took; only if it did"))


class Status(Answered):
    workflow_id = text("Its id")
    workflow_name = text("As submitted")
    status = word(WORKFLOW_STATES)
    created_at = time("When it was accepted")
    updated_at = time("When it last changed")
    error_message = text("The first failure, and what to do", null=True)
    paused = is_paused()
    parked = is_parked()
    parked_since = parked_time()
    template = fields.Nested(
        TemplateReference, **described_as("What it was made from, if that is a template")
    )
    steps = many(StepStatus)
    step_counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        **described_as("With a page or states of steps: how many are in each state"),
    )
    next_page_token = fields.String(
        allow_none=True, **described_as("The same: for `page_token`; null on the last page")
    )


class StepAttempt(Answered):
    attempt = count("From 1 on")
    job_id = text("AppService's task id, empty before there is one")
    status = word(STEP_STATES)
    reason = text("Why it failed, and what to do")
    exit_code = fields.Integer(**described_as("Of a job that failed; only if it left one"))
    cluster_status = fields.String(
        **described_as("The cluster's word for the end of a job that failed: OUT_OF_MEMORY, …")
    )
    stderr_tail = fields.String(
        **described_as("The end of its stderr; of the workflow's first 20 failed attempts")
    )
    reused_from = fields.String(**described_as("The job whose results it took; only if it did"))
    started_at = time("When AppService started it", null=True)
    finished_at = time("When it ended", null=True)


class WholeStep(Schema):
    class Meta:
        unknown = INCLUDE

    step_name = text("As submitted")
    app = text("The BV-BRC app")
    params = mapping("As submitted; execution_metadata.attempts has the values that were sent")
    outputs = mapping("Resolved as far as they can be")
    depends_on = texts("Names of the steps that it depends on")
    status = word(STEP_STATES)
    step_id = text("AppService's task id, empty before there is one")
    task_id = text("The same")
    attempt = count("The number of the present attempt; 0 before the first")
    submitted_at = time("When AppService accepted it", null=True)
    started_at = time("When AppService started it", null=True)
    completed_at = time("When it ended", null=True)
    elapsed_time = text("HH:MM:SS between the two", null=True)
    error_message = text("Why it failed and what to do, or why it does not go on", null=True)
    exit_code = count("Of a job that failed, if it left one", null=True)
    cluster_status = text("The cluster's word for the end of a job that failed", null=True)
    reused_from = text("The job whose results it took", null=True)
    attempts = many(StepAttempt, "The first one first")


class Attempt(Answered):
    step_name = text("As submitted")
    attempt = count("From 1 on")
    state = word([str(state) for state in JobState])
    in_doubt = fields.Boolean(
        required=True, **described_as("True if it was sent and the answer was lost")
    )
    task_id = text("AppService's task id")
    outcome = text("succeeded, failed or lost", null=True)
    reason = text("Why")
    exit_code = count("Of a job that failed, if it left one", null=True)
    cluster_status = text("The cluster's word for the end of a job that failed", null=True)
    params = mapping("The parameters that were sent, with all references resolved")
    reused_from = text("The job whose results it took: it was not sent", null=True)
    intended_at = time("When it was decided", null=True)
    submitted_at = time("When AppService accepted it", null=True)
    started_at = time("When AppService started it", null=True)
    finished_at = time("When it ended", null=True)


class ExecutionMetadata(Answered):
    attempts = many(Attempt, "Every job of every step")
    problems = many(Problem, "Why a plan cannot run")
    waits_for = texts("Steps after whose success further ones are planned (CWL)")
    cancel_requested_at = time("When a user cancelled it", null=True)


class ReusedSteps(Answered):
    steps = count("How many took the results of earlier jobs")
    job_seconds_saved = fields.Float(required=True, **described_as("How long these jobs ran"))


class WholeWorkflow(Schema):
    class Meta:
        unknown = INCLUDE

    workflow_id = text("Its id")
    workflow_name = text("As submitted")
    version = text("As submitted")
    owner = text("Whose it is")
    status = word(WORKFLOW_STATES)
    base_context = mapping("As submitted")
    template = fields.Nested(
        TemplateReference, **described_as("What it was made from, if that is a template")
    )
    steps = many(WholeStep)
    workflow_outputs = fields.List(
        fields.Raw(), required=True, **described_as("Resolved as far as they can be")
    )
    step_count = count("How many steps it has")
    paused = is_paused()
    parked = is_parked()
    parked_since = parked_time()
    created_at = time("When it was accepted")
    updated_at = time("When it last changed")
    submitted_at = time("When it was started", null=True)
    started_at = time("When its first step ran", null=True)
    completed_at = time("When it ended", null=True)
    error_message = text("The first failure, and what to do", null=True)
    reused = fields.Nested(ReusedSteps, required=True)
    execution_metadata = fields.Nested(ExecutionMetadata, required=True)


class OutputAtEnd(Answered):
    at = time("When it was looked at")
    exists = fields.Boolean(**described_as("Whether it was in the Workspace"))
    size = fields.Integer(**described_as("Bytes"))


class WholeOutput(Answered):
    value = fields.Raw(
        required=True, allow_none=True, **described_as("Resolved as far as it can be")
    )
    url = fields.String(**described_as("BV-BRC's page of it, if it is a Workspace path"))
    urls = fields.List(
        fields.String(), **described_as("The same for a list; empty for what is no path")
    )
    size = fields.Integer(**described_as("Bytes in the Workspace; of a list, all together"))
    exists = fields.Boolean(
        **described_as("Whether it is in the Workspace; of a list, whether all are")
    )
    at_end = fields.Nested(
        OutputAtEnd, **described_as("The same once the workflow had ended, if it was looked at")
    )
    step_name = fields.String(**described_as("Of the last steps, where the document names none"))
    output = fields.String(**described_as("The same: the output's name"))


class Outputs(Schema):
    """Each step's outputs by step and by name, and those of the whole."""

    class Meta:
        unknown = INCLUDE

    workflow_outputs = many(
        WholeOutput, "Those that the document names, otherwise those of its last steps"
    )


class ListedWorkflow(Answered):
    batch_id = fields.String(**described_as("Of a row of a batch, and of its gather: the batch"))
    sample = fields.String(**described_as("Of a row of a batch: its name"))
    template = fields.Nested(
        TemplateReference, **described_as("What it was made from, if that is a template")
    )
    workflow_id = text("Its id")
    workflow_name = text("As submitted")
    status = word(WORKFLOW_STATES)
    owner = text("Whose it is")
    paused = is_paused()
    parked = is_parked()
    parked_since = parked_time()
    error_message = text("The first failure, and what to do", null=True)
    step_count = count("How many steps it has")
    apps = texts("The apps it uses")
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    created_at = time("When it was accepted")
    updated_at = time("When it last changed")
    submitted_at = time("When it was started", null=True)
    started_at = time("When its first step ran", null=True)
    completed_at = time("When it ended", null=True)


class Page(Answered):
    workflows = many(ListedWorkflow, "Newest first, unless `sort` says otherwise")
    next_page_token = text("For `page_token`; null on the last page", null=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        **described_as("With `counts=true`: how many are in each state, on all pages"),
    )


class Event(Answered):
    id = count("Its number in the workflow, from 1 on")
    at = time("When it happened")
    subject = word(["workflow", "step"])
    step_name = text("Of a step")
    app = text("Of a step")
    attempt = count("Of a step's job, else 0")
    job_id = text("AppService's task id")
    before = text("State")
    after = text("State")
    reason = text("Why, may be empty")
    duration_seconds = fields.Float(
        required=True, allow_none=True, **described_as("How long a job ran that has ended")
    )


class Events(Answered):
    workflow_id = text("Its id")
    events = many(Event, "In order")
    next_after = count("For `after` if there are more, otherwise null", null=True)


class Receipt(Answered):
    step_name = text("As submitted")
    job_id = text("AppService's task id, empty where there was none")
    outcome = word(["never_started", "killed", "already_finished", "kill_requested"])


class Cancelled(Submitted):
    steps = many(Receipt)


class Health(Schema):
    class Meta:
        unknown = INCLUDE

    status = word(["healthy", "degraded", "unhealthy"])
    mongodb = word(["connected", "disconnected"])
    version = text("Of the engine")


class Used(Answered):
    used = fields.Float(required=True, **described_as("How much the caller uses now"))
    allowed = fields.Float(required=True, **described_as("How much one user may use"))
    resets_at = fields.String(
        **described_as("When the count begins again; only where it does", format="date-time")
    )


class Usage(Answered):
    limits = fields.Dict(keys=fields.String(), values=fields.Nested(Used), required=True)
