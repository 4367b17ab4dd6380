"""The target of a plan: where leaf processes run and where files are. BV-BRC is one target; the
conformance tests have another, which runs tools locally.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from workflows.cwl.model.document import Process, Step
from workflows.cwl.model.problems import Report
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import Type
from workflows.cwl.model.values import Value
from workflows.model.values import Json


class Target(Protocol):
    """Everything that differs between BV-BRC and a local run."""

    null_references: bool
    """Whether a reference may turn out null; else such a step waits until that is known."""

    @property
    def apps(self) -> tuple[str, ...]:
        """The names that ``run: bvbrc://…`` may use."""

    def app_process(self, name: str) -> Process | None:
        """An app, by id or alias, as the process that ``run: bvbrc://name`` runs."""

    def check(self, process: Process, step: Step | None, scope: Scope, report: Report) -> None:
        """Reports why this leaf process cannot run here, if it cannot."""

    def accepts(self, source: Type, sink: Type, process: Process) -> bool:
        """Whether a connection that CWL's types forbid is understood all the same."""

    def coerce(self, value: Value, wanted: Type, process: Process) -> Value:
        """The value as this target's leaf wants it, before its type is checked."""

    def file(self, value: dict[str, Json], place: Node) -> dict[str, Json]:
        """A File or Directory, its location resolved as seen from ``place``'s file.

        Raises ``Wrong`` where it lies in no acceptable place.
        """

    def result(self, value: Json, declared: Type) -> Json:
        """What a job reported, as a CWL value."""

    def contents(self, file: Mapping[str, Json]) -> str:
        """The text of a file, at most 64 KiB; raises ``Wrong``."""

    def listing(self, directory: Mapping[str, Json], *, deep: bool) -> list[Json]:
        """What is in a directory; raises ``Wrong``."""

    def exists(self, location: str) -> bool:
        """Whether there is such a file; raises ``Wrong`` if that is unknown."""
