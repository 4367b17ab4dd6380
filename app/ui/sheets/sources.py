"""What a sample sheet is laid over: a workflow document, or a template with its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.batches import submission
from app.batches.cwl import examine_cwl
from app.batches.submission import Taken
from app.connections import connections
from app.http import metering, request_bodies
from app.http.auth import caller
from app.templates import using
from app.templates.batches import of_cwl
from app.ui.sheets.columns import Column, Target, fill_columns, find_targets, names_of
from app.ui.start.template_form import AT, Subject, load_subject
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.values import Json
from workflows.spec.batches.check import Examination
from workflows.spec.batches.template import FOLDER
from workflows.spec.templates.inputs import INPUTS
from workflows.spec.templates.rows import Given, make_batch


class Source(Protocol):
    """What a sheet is laid over."""

    @property
    def document(self) -> Mapping[str, Json]:
        """A document that may refer to columns itself."""

    @property
    def template(self) -> Mapping[str, Json] | None:
        """``{name, version}`` of the template, if it is one."""

    def targets(self) -> list[Target]:
        """What columns can fill."""

    def fields(self, columns: Sequence[Column]) -> Mapping[str, Json]:
        """What ``POST /batches`` would be sent besides the rows."""

    def examine(self, taken: Taken) -> Examination[Any]:
        """What is wrong with the batch, at every row. Raises ``Invalid`` for what is none.
        ``taken`` has the ``fields``.
        """


def read_source(text: str, template: str) -> Source:
    """``text``: a workflow, or with a template what all samples share. Raises ``Invalid``,
    ``NotFound``.
    """
    found = request_bodies.parse(text.encode() or b"{}")
    if not isinstance(found, dict):
        raise Invalid([Problem("workflow", "not_an_object", "it must be a JSON object")])
    return OfTemplate(load_subject(template), found) if template else OfDocument(found)


@dataclass(frozen=True, slots=True)
class OfDocument:
    """A workflow document."""

    document: Mapping[str, Json]
    template: None = None

    def targets(self) -> list[Target]:
        return find_targets(self.document, connections().apps.catalogue(caller().token).apps)

    def fields(self, columns: Sequence[Column]) -> Mapping[str, Json]:
        return {"workflow": fill_columns(self.document, self.targets(), columns)}

    def examine(self, taken: Taken) -> Examination[Any]:
        return submission.examine_workflow(taken, taken.fields["workflow"], taken.table)


@dataclass(frozen=True, slots=True)
class OfTemplate:
    """A template, and the values that all samples share."""

    subject: Subject
    shared: Mapping[str, Json]

    @property
    def document(self) -> Mapping[str, Json]:
        return {}

    @property
    def template(self) -> Mapping[str, Json]:
        return self.subject.loaded.reference

    def targets(self) -> list[Target]:
        return [
            Target((*AT, name), str(schema.get("title") or name), names_of(name))
            for name, schema in self.subject.inputs.properties.items()
        ]

    def fields(self, columns: Sequence[Column]) -> Mapping[str, Json]:
        inputs = {format_path((*AT, name)): name for name in self.subject.inputs.properties}
        chosen: dict[str, Json] = {
            inputs[column.fills]: column.name for column in columns if column.fills in inputs
        }
        fields: dict[str, Json] = {
            "name": self.shared.get("workflow_name"),
            FOLDER: self.shared.get(FOLDER),
            INPUTS: self.shared.get(INPUTS),
            "map": chosen,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def examine(self, taken: Taken) -> Examination[Any]:
        if using.is_cwl(self.subject.loaded):
            return examine_cwl(*of_cwl(taken, self.subject.loaded))
        content: Mapping[str, Any] = self.subject.loaded.version.content
        wishes = using.read_wishes(self.shared, content, taken.noted)
        given_values = Given(taken.fields.get(INPUTS), taken.fields["map"], wishes)
        with metering.computing():
            workflow, table = make_batch(
                content["workflow"], self.subject.inputs, taken.table, given_values, taken.noted
            )
        return submission.examine_workflow(taken, workflow, table)
