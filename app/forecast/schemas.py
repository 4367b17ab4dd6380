"""Schemas of forecasts."""

from __future__ import annotations

from marshmallow import fields

from app.api.schemas.response_schemas import Validated
from app.api.schemas.schema_fields import Answered, count, described_as, many, text, texts, time


class SecondsBand(Answered):
    p50 = fields.Float(required=True, **described_as("The median"))
    p90 = fields.Float(required=True, **described_as("Nine cases in ten do not exceed it"))


class TimeBand(Answered):
    p50 = time("The median")
    p90 = time("Nine cases in ten are not later")


class StepForecast(Answered):
    step_name = text("As submitted")
    app = text("The BV-BRC app")
    start = fields.Nested(TimeBand, required=True, **described_as("When its job starts"))
    end = fields.Nested(TimeBand, required=True, **described_as("When it ends"))
    criticality = fields.Float(
        required=True, **described_as("How often (0 to 1) it was on the critical path")
    )
    observations = count("How many earlier jobs of the app it rests on")


class CapForecast(Answered):
    max_parallel_steps = count("With so many steps at the same time")
    allowed = fields.Boolean(
        required=True, **described_as("Whether the engine's settings allow it")
    )
    remaining_seconds = fields.Nested(SecondsBand, required=True)


class ActiveForecast(Answered):
    max_active = count("With so many rows at the same time")
    remaining_seconds = fields.Nested(SecondsBand, required=True)


class AnyForecast(Answered):
    made_at = time("When it was made; it may be some seconds old")
    message = text("The same in words")
    no_history = texts("Apps of which too few jobs have run; then the rest is null or empty")
    end = fields.Nested(
        TimeBand, required=True, allow_none=True, **described_as("If no step fails")
    )
    remaining_seconds = fields.Nested(
        SecondsBand, required=True, allow_none=True, **described_as("From `made_at` to the end")
    )
    runs = count("How often it was run in virtual time")


class ForecastedWorkflow(AnyForecast):
    critical_path = texts("The steps that decide about the end, in the order of time")
    steps = many(StepForecast, "Those that have not ended")
    parallel_steps = many(CapForecast, "What the cap costs: the present one first")


class ValidatedWorkflow(Validated):
    forecast = fields.Nested(
        ForecastedWorkflow, **described_as("If it were submitted now; only with `forecast`")
    )


class WorkflowForecast(ForecastedWorkflow):
    workflow_id = text("Its id")


class BatchForecast(AnyForecast):
    batch_id = text("Its id")
    active = many(ActiveForecast, "What `max_active` costs: the present one first")
