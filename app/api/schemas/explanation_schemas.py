"""What explains a workflow and its reuse, as OpenAPI shows it."""

from __future__ import annotations

from marshmallow import fields

from app.api.schemas.schema_fields import (
    STEP_STATES,
    WORKFLOW_STATES,
    Answered,
    count,
    described_as,
    many,
    text,
    texts,
    time,
    word,
)
from workflows.reuse.choice import Miss
from workflows.rules.holds import Mode, Scope
from workflows.rules.reasons.values import Code


class ReasonHold(Answered):
    hold_id = text("Its id")
    scope = word([str(scope) for scope in Scope])
    mode = word([str(mode) for mode in Mode])
    by = text("The user who set it")
    reason = text("Why")


class Reason(Answered):
    step_name = text("As submitted")
    status = word(STEP_STATES)
    code = word([str(code) for code in Code])
    message = text("Why, for people")
    unblocked_by = text("What would unblock it")
    since = time("Since when", null=True)
    until = time("When the reason ends, if that is known", null=True)
    waiting_for = texts("Names of steps")
    job_id = text("AppService's task id")
    hold = fields.Nested(
        ReasonHold,
        required=True,
        allow_none=True,
        **described_as("The hold that keeps the step from starting"),
    )


class Explanation(Answered):
    workflow_id = text("Its id")
    status = word(WORKFLOW_STATES)
    priority = count("Among its owner's work, from -10 to 10")
    weight = count("How many jobs of its owner go in each round of the fair share")
    message = text("For people")
    steps = many(Reason, "Each step that has not ended")


class ReusedJob(Answered):
    key = text("`<workflow id>/<step index>/<attempt>`")
    workflow_id = text("Its workflow, which may have been deleted since")
    step_name = text("Its step there")
    job_id = text("AppService's task id")
    started_at = time("When AppService started it", null=True)
    finished_at = time("When it ended")
    job_seconds = fields.Float(required=True, **described_as("How long it ran"))
    path = text("Its job_result: its files stay there")


class ReuseMiss(Answered):
    code = word([str(code) for code in Miss])
    message = text("Why, for people")
    part = text("Of `differs`: the first part that differs, such as `params.contigs`")
    before = text("Its value in the earlier job, as short JSON")
    now = text("Its value in this step")
    compared_with = text("The key of the most similar earlier job; may be empty")


class StepReuse(Answered):
    step_name = text("As submitted")
    attempt = count("The present one; 0 before the first")
    outcome = word(["not_asked", "waiting", "looking", "reused", "missed"])
    message = text("For people")
    reused_from = fields.Nested(ReusedJob, required=True, allow_none=True)
    miss = fields.Nested(ReuseMiss, required=True, allow_none=True)
    key = text("Jobs with the same key have the same results; null before it is known",
               null=True)  # fmt: skip
