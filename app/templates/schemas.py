"""Schemas of the routes about templates, as ``/openapi.json`` shows them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas.request_schemas import Flag, Query, SubmitQuery, WorkflowDocument, key_value
from app.api.schemas.response_schemas import Problem
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
from app.batches.schemas import GatherDocument
from workflows.model.values import OnFailure
from workflows.spec.templates.draft import VISIBILITIES

LABELS = "key to value"


class TemplateDocument(Schema):
    """A workflow document whose texts may hold `${inputs.x}`, or a CWL document."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, **described_as("Small letters, digits, `.`, `_` and `-`"))
    version = fields.Integer(**described_as("Without it: the next one"))
    title = fields.String()
    description = fields.String()
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    visibility = fields.String(
        validate=validate.OneOf(VISIBILITIES), **described_as("`public` by admins alone")
    )
    shared_with = fields.List(fields.String(), **described_as("Users who may use it"))
    workflow = fields.Nested(
        WorkflowDocument,
        **described_as("`base_context` may be left out: a submission says where results go"),
    )
    cwl = fields.Raw(**described_as("Instead of `workflow`: CWL, as text or as an object"))
    files = fields.Dict(**described_as("Of CWL: further documents by relative path"))
    entry = fields.String(**described_as("Of CWL: which process of the document"))
    inputs = fields.Dict(
        **described_as(
            "JSON Schema of the inputs. What it does not say is taken from the apps' specifications"
        )
    )


class TemplateChange(Schema):
    class Meta:
        unknown = RAISE

    visibility = fields.String(validate=validate.OneOf(VISIBILITIES))
    shared_with = fields.List(fields.String())
    deprecated = fields.String(
        allow_none=True, **described_as("Why, or what to use instead; null: no longer")
    )


class VersionChange(Schema):
    class Meta:
        unknown = RAISE

    deprecated = fields.String(
        required=True,
        allow_none=True,
        **described_as("Why, or what to use instead; null: no longer"),
    )


class TemplateUse(Schema):
    class Meta:
        unknown = RAISE

    inputs = fields.Dict(**described_as("Input to value"))
    workspace_output_folder = fields.String(
        **described_as("Where results go; required unless the template says it")
    )
    workflow_name = fields.String(**described_as("Without it: as the template says"))
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    max_parallel_steps = fields.Integer(validate=validate.Range(min=1))
    on_failure = fields.String(validate=validate.OneOf([str(each) for each in OnFailure]))


class TemplateBatch(Schema):
    class Meta:
        unknown = RAISE

    samples = fields.List(
        fields.Dict(), required=True, **described_as("One object for each sample, or a file")
    )
    inputs = fields.Dict(
        **described_as("Values for all rows, and for rows whose cell is empty: input to value")
    )
    map = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        **described_as("Input to column, where their names differ"),
    )
    workspace_output_folder = fields.String(
        **described_as("Where results go; required unless the template says it")
    )
    name = fields.String(**described_as("Without it: the template's"))
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


class TemplateListQuery(Query):
    query = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        **described_as("Words, all of which a template has in its name, texts or labels"),
    )
    label = fields.List(
        fields.String(validate=key_value),
        load_default=list,
        **described_as("key:value; all of them"),
    )
    owner = fields.String(**described_as("Of this user alone"))
    deprecated = Flag(load_default=False, **described_as("Deprecated ones, too"))
    page_size = fields.Integer(load_default=100, validate=validate.Range(min=1, max=500))
    page_token = fields.String(
        load_default="",
        validate=validate.Length(max=100),
        **described_as("The next_page_token of an answer"),
    )


class UseQuery(Query):
    dry_run = Flag(
        load_default=False, **described_as("Check it, answer with the workflow, store nothing")
    )


class StartQuery(UseQuery, SubmitQuery):
    """Of what starts a workflow."""


class ListedTemplate(Answered):
    name = text("Its name")
    latest = integer("Its latest version")
    title = text("What it is called; may be empty")
    description = text("What it does; may be empty")
    labels = mapping(LABELS)
    owner = text("Whose it is; empty: it comes with the engine")
    builtin = fields.Boolean(required=True, **described_as("It comes with the engine"))
    visibility = word(list(VISIBILITIES))
    deprecated = text("Why it is no longer advised; null: it is", null=True)
    created_at = time("When it was stored; null where it comes with the engine", null=True)
    updated_at = time("When its latest version or its sharing last changed", null=True)


class TemplatePage(Answered):
    templates = many(ListedTemplate, "Those that the caller may use, by name")
    next_page_token = text("For `page_token`; null on the last page", null=True)


class TemplateStep(Answered):
    step_name = text("Its name")
    app = text("The BV-BRC app")
    depends_on = texts("Steps that it waits for")


class ListedVersion(Answered):
    version = integer("From 1 on")
    created_at = time("When it was stored; null where it comes with the engine", null=True)
    deprecated = text("Why it is no longer advised; null: it is", null=True)


class WholeTemplate(ListedTemplate):
    version = integer("This version")
    shared_with = fields.List(
        fields.String(), **described_as("Users who may use it; shown to its owner and admins")
    )
    kind = word(["workflow", "cwl"])
    inputs = mapping("JSON Schema (2020-12) of an object with the inputs, in the order of a form")
    example = fields.Dict(
        required=True,
        allow_none=True,
        **described_as("Inputs that work; null where a required one has no example"),
    )
    needs_folder = fields.Boolean(
        required=True, **described_as("A submission must give `workspace_output_folder`")
    )
    steps = many(TemplateStep, "Empty for CWL, whose steps follow from the values")
    versions = many(ListedVersion, "All of them, the newest first")
    workflow = fields.Dict(**described_as("The workflow document, with `${inputs.x}`"))
    cwl = fields.Raw(**described_as("The CWL document"))
    files = fields.Dict(**described_as("Of CWL: further documents by relative path"))
    entry = fields.String(**described_as("Of CWL: which process of the document"))


class StoredTemplate(WholeTemplate):
    warnings = many(Problem, "Values that may be intended, but look wrong")
    auto_fixes = many(Problem, "The corrections that were made")


_WORKFLOW: Final[dict[str, Any]] = {
    "workflow_name": "assembly",
    "version": "1.0",
    "steps": [
        {
            "step_name": "assemble",
            "app": "GenomeAssembly2",
            "params": {
                "srr_ids": "${inputs.srr_ids}",
                "recipe": "${inputs.recipe}",
                "output_path": "${workspace_output_folder}/Assembly",
                "output_file": "assembly",
            },
        }
    ],
}
DOCUMENT: Final[dict[str, Any]] = {
    "name": "my-assembly",
    "title": "Assembly of reads from the archive",
    "description": "Fetches the reads of a run and assembles them.",
    "labels": {"topic": "assembly"},
    "workflow": _WORKFLOW,
    "inputs": {
        "properties": {"srr_ids": {"title": "Runs", "examples": [["SRR1234567"]]}},
        "required": ["srr_ids"],
    },
}
USE: Final[dict[str, Any]] = {
    "inputs": {"srr_ids": ["SRR1234567"], "recipe": "unicycler"},
    "workspace_output_folder": "/user@bvbrc/home/assembly",
}
BATCH: Final[dict[str, Any]] = {
    "samples": [{"sample": "S1", "run": "SRR1234567"}, {"sample": "S2", "run": "SRR1234568"}],
    "map": {"srr_ids": "run"},
    "inputs": {"recipe": "unicycler"},
    "workspace_output_folder": "/user@bvbrc/home/outbreak-7",
    "name": "outbreak-7",
}
