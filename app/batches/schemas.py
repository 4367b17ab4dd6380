"""Schemas of the routes about batches, as ``/openapi.json`` shows them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas.request_schemas import Flag, Query, SubmitQuery, WorkflowDocument
from app.api.schemas.response_schemas import Problem, TemplateReference
from app.api.schemas.schema_fields import (
    Answered,
    described_as,
    many,
    mapping,
    text,
    texts,
    time,
    word,
)
from app.api.schemas.schema_fields import count as integer
from workflows.model.states import RETRY_WORKFLOW, WorkflowState
from workflows.model.values import OnFailure
from workflows.rules.batch_gather import SKIPPED
from workflows.rules.batch_progress import DELETED, WAITING
from workflows.spec.batches.gather import ALL, ANY

STATUSES: Final = ["running", "succeeded", "failed", "cancelled"]
ROW_STATES: Final = [WAITING, *map(str, WorkflowState), DELETED]
GATHER_STATES: Final = [WAITING, *map(str, WorkflowState), SKIPPED, DELETED]
OUTCOMES: Final = ["never_started", "killed", "kill_requested", "already_finished"]


class GatherDocument(WorkflowDocument):
    """A workflow in which `${batch.outputs.<name>}` is the list of an output over the rows."""

    require = fields.String(
        validate=validate.OneOf([ANY, ALL]),
        **described_as(
            "`any`, the default: it begins with the rows that have succeeded; `all`: only if every"
            " row has"
        ),
    )


class BatchDocument(Schema):
    class Meta:
        unknown = RAISE

    workflow = fields.Nested(WorkflowDocument, **described_as("This, `cwl` or `template`"))
    cwl = fields.Raw(**described_as("A CWL document, as text or as an object"))
    files = fields.Dict(**described_as("Of CWL: further documents by relative path"))
    entry = fields.String(**described_as("Of CWL: which process of the document"))
    template = fields.String(**described_as("`name@version` of a template; `name`: the latest"))
    inputs = fields.Dict(
        **described_as("Of CWL and templates: values for all rows, and for rows with an empty cell")
    )
    map = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        **described_as("Of CWL and templates: input to column, where their names differ"),
    )
    workspace_output_folder = fields.String(
        **described_as("Of CWL and templates: each row writes below it, in a folder of its name")
    )
    samples = fields.List(
        fields.Dict(), required=True, **described_as("One object for each sample, or a file")
    )
    name = fields.String(**described_as("Without it: the workflow's name"))
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    max_active = fields.Integer(
        validate=validate.Range(min=1), **described_as("Workflows under way at the same time")
    )
    on_failure = fields.String(validate=validate.OneOf([str(each) for each in OnFailure]))
    skip_invalid = fields.Boolean(**described_as("Leave rows with problems out"))
    gather = fields.Nested(
        GatherDocument,
        **described_as("Steps over all rows, which begin when every row has ended"),
    )
    delimiter = fields.String(**described_as("Of a file: what separates its cells"))


class FurtherSamples(Schema):
    class Meta:
        unknown = RAISE

    samples = fields.List(
        fields.Dict(), required=True, **described_as("One object for each sample, or a file")
    )
    skip_invalid = fields.Boolean(**described_as("Leave rows with problems out"))
    delimiter = fields.String(**described_as("Of a file: what separates its cells"))


class BatchQuery(SubmitQuery):
    dry_run = Flag(
        load_default=False, **described_as("Check it, show its first workflows, store nothing")
    )


class BatchListQuery(Query):
    page_size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=500))
    page_token = fields.String(load_default="", **described_as("The next_page_token of an answer"))


class RowQuery(Query):
    status = fields.List(
        fields.String(validate=validate.OneOf(ROW_STATES)),
        load_default=list,
        **described_as("Any of these states"),
    )
    page_size = fields.Integer(load_default=500, validate=validate.Range(min=1, max=5_000))
    page_token = fields.String(
        load_default="",
        validate=validate.Regexp("^[0-9]{0,9}$"),
        **described_as("The next_page_token of an answer"),
    )


class RetryBatch(Schema):
    class Meta:
        unknown = RAISE

    status = fields.List(
        fields.String(validate=validate.OneOf(sorted(RETRY_WORKFLOW))),
        **described_as("Rows in these states; without it, failed and cancelled ones"),
    )
    samples = fields.List(fields.String(), **described_as("Of these samples alone"))


class ChangeBatch(Schema):
    class Meta:
        unknown = RAISE

    max_active = fields.Integer(
        required=True,
        validate=validate.Range(min=1),
        **described_as("Workflows under way at the same time"),
    )


class AcceptedBatch(Answered):
    batch_id = text("Its id")
    name = text("Its name")
    count = integer("Rows")
    status = word(STATUSES)
    warnings = many(Problem, "Values that may be intended, but look wrong")
    auto_fixes = many(Problem, "The corrections that were made")
    skipped = many(Problem, "With skip_invalid: the problems of the rows that were left out")


class AddedSamples(AcceptedBatch):
    added = integer("Rows that this request has added")


class DryRun(Answered):
    valid = fields.Boolean(required=True)
    name = text("Its name")
    count = integer("Rows")
    workflows = fields.List(
        fields.Dict(), required=True, **described_as("The first ones, with resolved parameters")
    )
    gather = fields.Dict(
        required=True, allow_none=True, **described_as("The gather as it would be stored")
    )
    problems = many(Problem, "Why it cannot run; empty if it can")
    warnings = many(Problem, "Values that may be intended, but look wrong")
    auto_fixes = many(Problem, "The corrections that would be made")
    skipped = many(Problem, "With skip_invalid: the problems of the rows that would be left out")


def counts(description: str, states: list[str]) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.OneOf(states)),
        values=fields.Integer(),
        required=True,
        **described_as(description),
    )


class ListedBatch(Answered):
    batch_id = text("Its id")
    name = text("Its name")
    status = word(STATUSES)
    paused = fields.Boolean(required=True, **described_as("No further row begins"))
    count = integer("Rows")
    counts = counts(
        "State to rows; `waiting`: not begun; states without rows are left out", ROW_STATES
    )
    max_active = integer("Workflows of it under way at the same time, at most")
    labels = mapping("Of each of its workflows")
    template = fields.Nested(
        TemplateReference,
        required=True,
        allow_none=True,
        **described_as("What its workflows are made from, if that is a template"),
    )
    created_at = time("When it was accepted")
    updated_at = time("When a command or the making of rows last changed it")
    cancel_requested_at = time("When a user cancelled it", null=True)
    finished_at = time("When it ended", null=True)
    message = text("What keeps further rows from beginning; empty if nothing does")


class BatchFailure(Answered):
    app = text("The app of the step that failed")
    reason = text("Why")
    count = integer("Rows")
    samples = texts("The first of them, five at most")


class BatchGather(Answered):
    workflow_id = text("Its workflow; null before there is one", null=True)
    status = word(GATHER_STATES)
    require = word([ANY, ALL])
    rows = fields.Integer(
        required=True,
        allow_none=True,
        **described_as("Of so many rows it was made; null before that"),
    )
    message = text("Why it failed or is skipped, or how many rows have succeeded since")


class WholeBatch(ListedBatch):
    failures = many(BatchFailure, "The most frequent reasons")
    gather = fields.Nested(
        BatchGather,
        required=True,
        allow_none=True,
        **described_as("The steps over all rows; null of a batch without them"),
    )


class BatchPage(Answered):
    batches = many(ListedBatch, "Newest first")
    next_page_token = text("For `page_token`; null on the last page", null=True)


class BatchRow(Answered):
    row = integer("Its number in the table; of a file, the header is row 1")
    sample = text("Its name")
    workflow_id = text("Its workflow; null before there is one", null=True)
    status = word(ROW_STATES)
    error_message = text("Why it failed", null=True)


class BatchRows(Answered):
    batch_id = text("Its id")
    workflows = many(BatchRow, "In the order of the table")
    next_page_token = text("For `page_token`; null on the last page", null=True)


class ResultRow(BatchRow):
    cells = mapping("The row of the table")
    outputs = mapping("Name to value; null before there is one")


class BatchResults(Answered):
    batch_id = text("Its id")
    columns = texts("Of the table")
    outputs = texts("Names of the results")
    rows = many(ResultRow, "In the order of the table")


class CancelledBatch(WholeBatch):
    receipts = counts("Outcome to rows; ask again until none is `kill_requested`", OUTCOMES)


class RetriedBatch(WholeBatch):
    retried = integer("Rows that start again, and the gather")


def example(**fields_: Any) -> dict[str, Any]:
    """A batch as an example."""
    return {**_BATCH, **fields_}


BATCH_ID: Final = "b_5f3a9c0e7d1b4a6f8e2c9d0b1a3f5e7c"
_BATCH: Final = {
    "batch_id": BATCH_ID,
    "name": "outbreak-7",
    "status": "running",
    "paused": False,
    "count": 300,
    "counts": {"waiting": 241, "running": 50, "succeeded": 8, "failed": 1},
    "max_active": 50,
    "labels": {"project": "outbreak-7"},
    "template": None,
    "created_at": "2026-01-19T10:00:00.000Z",
    "updated_at": "2026-01-19T10:41:07.112Z",
    "cancel_requested_at": None,
    "finished_at": None,
    "message": "",
    "failures": [
        {
            "app": "GenomeAssembly2",
            "reason": "the job failed",
            "count": 1,
            "samples": ["S17"],
        }
    ],
    "gather": {
        "workflow_id": None,
        "status": "waiting",
        "require": "any",
        "rows": None,
        "message": "",
    },
}
ACCEPTED: Final = {
    "batch_id": BATCH_ID,
    "name": "outbreak-7",
    "count": 300,
    "status": "running",
    "warnings": [],
    "auto_fixes": [],
    "skipped": [],
}
ADDED: Final = {**ACCEPTED, "count": 302, "added": 2}
FURTHER: Final = {
    "samples": [{"sample": "S301", "srr": "SRR1234569"}, {"sample": "S302", "srr": "SRR1234570"}]
}
CWL_REQUEST: Final = {
    "name": "outbreak-7",
    "cwl": {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": {"runs": "string[]"},
        "steps": {
            "assemble": {
                "run": "bvbrc://GenomeAssembly2",
                "in": {"srr_ids": "runs"},
                "out": ["contigs"],
            }
        },
        "outputs": {"contigs": {"type": "File", "outputSource": "assemble/contigs"}},
    },
    "samples": [{"sample": "S1", "run": "SRR1234567"}, {"sample": "S2", "run": "SRR1234568"}],
    "map": {"runs": "run"},
    "workspace_output_folder": "/user@bvbrc/home/outbreak-7",
}
REQUEST: Final = {
    "name": "outbreak-7",
    "workflow": {
        "workflow_name": "assembly",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": "/user@bvbrc/home/output",
        },
        "steps": [
            {
                "step_name": "assemble",
                "app": "GenomeAssembly2",
                "params": {
                    "srr_ids": "${sample.srr}",
                    "output_path": "${workspace_output_folder}/Assembly",
                    "output_file": "asm",
                },
            }
        ],
    },
    "samples": [{"sample": "S1", "srr": "SRR1234567"}, {"sample": "S2", "srr": "SRR1234568"}],
}
