"""What a sample sheet is laid over: a workflow document, or a template with its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.connections import connections
from app.http import metering, request_bodies
from app.http.auth import caller
from app.templates import using
from app.ui.sheets.columns import Column, Target, fill_columns, find_targets, names_of
from app.ui.start.template_form import AT, Subject, load_subject
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.values import Json
from workflows.spec.batches.table import Table
from workflows.spec.checks.diagnostics import Diagnostics
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

    def make(
        self, table: Table, columns: Sequence[Column], noted: Diagnostics
    ) -> tuple[dict[str, Json], Table]:
        """The workflow that refers to the columns, and the table for it."""


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

    def make(
        self,
        table: Table,
        columns: Sequence[Column],
        noted: Diagnostics,  # noqa: ARG002
    ) -> tuple[dict[str, Json], Table]:
        return fill_columns(self.document, self.targets(), columns), table


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

    def make(
        self, table: Table, columns: Sequence[Column], noted: Diagnostics
    ) -> tuple[dict[str, Json], Table]:
        """Raises ``Invalid`` for a template that is no native workflow."""
        if using.is_cwl(self.subject.loaded):
            message = "batches are made of native workflows alone"
            raise Invalid([Problem("template", "cwl_in_batch", message)])
        content: Mapping[str, Any] = self.subject.loaded.version.content
        inputs = {format_path((*AT, name)): name for name in self.subject.inputs.properties}
        chosen: dict[str, Json] = {
            inputs[column.fills]: column.name for column in columns if column.fills in inputs
        }
        wishes = using.read_wishes(self.shared, content, noted)
        given = Given(self.shared.get(INPUTS), chosen, wishes)
        with metering.computing():
            return make_batch(content["workflow"], self.subject.inputs, table, given, noted)
