"""What the catalogue of apps answers, as OpenAPI shows it."""

from __future__ import annotations

from marshmallow import fields

from app.api.schemas.response_schemas import Problem
from app.api.schemas.schema_fields import (
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


class ListedApp(Answered):
    app = text("The app's id, for a step's `app`")
    label = text("Its name")
    description = text("What it does, as BV-BRC says; may be empty")


class AppPage(Answered):
    apps = many(ListedApp, "By id")
    next_page_token = text("For `page_token`; null on the last page", null=True)
    warnings = many(Problem, "That BV-BRC's own list of apps is not at hand; usually empty")


class AppParameter(Answered):
    name = text("For a step's `params`")
    type = word(
        ["string", "path", "integer", "number", "boolean", "choice", "list", "group", "any"],
        "`path`: of the Workspace; `choice`: one of `choices`; `group`: an object of `members`",
    )
    required = fields.Boolean(required=True, **described_as("True if a step must give it"))
    multiple = fields.Boolean(required=True, **described_as("True if it takes a list of such"))
    default = fields.Raw(
        required=True, allow_none=True, **described_as("What the app takes where it is not given")
    )
    choices = texts("Its values; empty: any")
    description = text("What it means, as BV-BRC says; may be empty")
    members = fields.List(
        fields.Nested(lambda: AppParameter()),  # noqa: PLW0108 - it names itself
        **described_as("Of a group: what it consists of"),
    )


class AppCondition(Answered):
    when = fields.Dict(
        required=True, **described_as("Parameter to value: where it applies; empty: always")
    )
    parameters = texts("At least one must be given; with `choices`: whose choices these are")
    choices = texts("The usual ones; empty: it is about what must be given")
    text = fields.String(required=True, **described_as("The same as a sentence"))


class AppOutput(Answered):
    name = text("For `${steps.STEP.outputs.NAME}`")
    pattern = text(
        "The path, for a step's `outputs`; null: known when the step has ended", null=True
    )


def quantiles(description: str) -> fields.Dict:
    return fields.Dict(
        required=True,
        allow_none=True,
        keys=fields.String(),
        values=fields.Float(),
        **described_as(f"{description}, in seconds: `p50` is the median; null without jobs"),
    )


class Quantiles(Answered):
    observations = count("Jobs that ran and succeeded")
    queue_wait_seconds = quantiles("From submission to start")
    run_seconds = quantiles("From start to end")


class DurationSummary(Quantiles):
    since = time("The first hour that it covers", null=True)
    until = time("The last one", null=True)


class DurationsOfSize(Quantiles):
    from_bytes = count("The inputs are this large or larger")
    below_bytes = count("and smaller than this; null: however large", null=True)


class DurationsOfHour(Quantiles):
    hour = time("When the hour begins in which they ended")


class AppDurations(DurationSummary):
    app = text("Its id")
    by_input_size = many(
        DurationsOfSize, "Of jobs whose inputs are files: by their size; others are left out here"
    )
    hours = many(DurationsOfHour, "The newest hours with such jobs, the newest first")


class AppDescription(ListedApp):
    parameters = many(AppParameter, "In the order of BV-BRC's specification")
    conditions = many(AppCondition, "What depends on other parameters")
    outputs = many(AppOutput, "The results that it is known to write")
    example = mapping("A workflow with this app alone, which validates")
    common_mistakes = texts("What commonly goes wrong")
    durations = fields.Nested(
        DurationSummary,
        required=True,
        allow_none=True,
        **described_as("How long its jobs took; null: no history. More: GET …/durations"),
    )
    warnings = many(Problem, "That BV-BRC's own list of apps is not at hand; usually empty")
