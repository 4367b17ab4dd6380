"""What the workflows of a batch are made from: a workflow document, a template, or CWL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from app.batches import cwl, submission
from app.batches.gather import with_gather
from app.batches.submission import OF_A_WORKFLOW, OPTIONS, Fields, Taken
from app.connections import connections
from app.templates import batches as template_batches
from app.templates import cwl as cwl_templates
from workflows.engine.templates import commands as templates
from workflows.engine.templates.commands import LATEST
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.spec.batches.planned import AnyBatch, PlannedBatch
from workflows.spec.batches.template import FOLDER

CWL, TEMPLATE = "cwl", "template"
_OF_INPUTS: Final = ("inputs", "map", FOLDER, *OPTIONS)
_OBJECTS: Final = ("inputs", "map", "labels", "gather")
KINDS: Final = (
    OF_A_WORKFLOW,
    Fields((CWL, "samples"), ("files", "entry", *_OF_INPUTS), ("files", *_OBJECTS)),
    Fields((TEMPLATE, "samples"), _OF_INPUTS, _OBJECTS),
)

Prepared = tuple[Callable[[], AnyBatch], Mapping[str, Json] | None]
"""What checks the batch, and ``{name, version}`` of its template."""


def prepare(taken: Taken) -> Prepared:
    """Raises ``Invalid``, and ``NotFound`` for a template that the caller may not use."""
    check, template = _prepare_rows(taken)
    return with_gather(taken, check), template


def _prepare_rows(taken: Taken) -> Prepared:
    if TEMPLATE in taken.fields:
        name, version = _read_reference(taken.fields[TEMPLATE])
        loaded = templates.load(name, version, connections().gate.viewer())
        return lambda: template_batches.check(taken, loaded), loaded.reference
    if CWL in taken.fields:
        return lambda: _check_cwl(taken), None
    return lambda: submission.check(taken), None


def _read_reference(value: Json) -> tuple[str, str]:
    if not isinstance(value, str):
        message = "it must be the name of a template"
        raise Invalid([Problem(TEMPLATE, "wrong_type", message, "such as my-assembly@2")])
    name, _, version = value.partition("@")
    return name, version or LATEST


def _check_cwl(taken: Taken) -> PlannedBatch:
    content = {name: taken.fields[name] for name in (CWL, "files", "entry") if name in taken.fields}
    inputs = cwl_templates.describe(content, None)
    return cwl.check_cwl(taken, lambda wishes: cwl_templates.source_of(content, {}, wishes), inputs)
