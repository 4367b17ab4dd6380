"""Batches whose rows give the inputs of a template."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from app.batches import submission
from app.batches.cwl import SourceOf, check_cwl
from app.batches.submission import OPTIONS, Fields, Taken
from app.http import metering
from app.templates import cwl, using
from workflows.engine.templates.commands import Loaded
from workflows.model.errors import Problem
from workflows.spec.batches.planned import AnyBatch
from workflows.spec.batches.template import FOLDER
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.templates.inputs import Inputs, inputs_from
from workflows.spec.templates.rows import Given, make_batch

FIELDS: Final = Fields(
    ("samples",), ("inputs", "map", FOLDER, *OPTIONS), ("inputs", "map", "labels", "gather")
)


def check(taken: Taken, loaded: Loaded) -> AnyBatch:
    """The batch, if all of it can run; raises ``Invalid`` with every problem."""
    content, noted = loaded.version.content, taken.noted
    inputs = inputs_from(content["inputs"])
    fields = {name: value for name, value in taken.fields.items() if value is not None}
    if using.is_cwl(loaded):
        return _with_advice(check_cwl(*of_cwl(replace(taken, fields=fields), loaded)), loaded)
    wishes = using.read_wishes({FOLDER: fields.get(FOLDER)}, content, noted)
    given = Given(fields.get("inputs"), fields.get("map"), wishes)
    with metering.computing():
        workflow, table = make_batch(content["workflow"], inputs, taken.table, given, noted)
    checked = submission.check(replace(taken, fields={**fields, "workflow": workflow}, table=table))
    advised = tuple(_advise(each, inputs) for each in checked.warnings)
    return _with_advice(replace(checked, warnings=advised), loaded)


def of_cwl(taken: Taken, loaded: Loaded) -> tuple[Taken, SourceOf, Inputs]:
    """What a batch of a template in CWL is checked with. Raises ``Invalid``."""
    content, fields = loaded.version.content, taken.fields
    using.read_wishes({FOLDER: fields.get(FOLDER)}, content, taken.noted)
    named = replace(taken, fields={"name": loaded.template.name, **fields})
    inputs = inputs_from(content["inputs"])
    return named, lambda wishes: cwl.source_of(content, {}, wishes), inputs


def _with_advice(checked: AnyBatch, loaded: Loaded) -> AnyBatch:
    return replace(checked, warnings=(*using.deprecation(loaded), *checked.warnings))


def _advise(warning: Problem, inputs: Inputs) -> Problem:
    """A column that is used for nothing may be meant for an input."""
    if warning.code != "unused_column":
        return warning
    column = warning.message.rpartition("column ")[2].strip("'")
    hint = did_you_mean(column, inputs.properties) or (
        f"the inputs are {list_names(inputs.properties)}; map says which column gives which input"
    )
    return replace(warning, suggestion=hint)
