"""The template of a batch: where it refers to columns, and the document that a row makes of it.

``${sample.<column>}`` is a reference to base_context: the workflow of a row holds the cells that it
uses as ``base_context.sample``. So a row's document differs from the template in a few fields, and
it is stored, read and submitted again like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.batches.table import SAMPLE, Row
from workflows.spec.reference_syntax import Kind, Reference, parts, references

FOLDER: Final = "workspace_output_folder"
PLACES: Final = ("output_path", "output_file")
_STEPS: Final = "steps"


@dataclass(frozen=True, slots=True)
class Use:
    """One place of the template that refers to a column."""

    path: Path
    column: str
    text: str
    """The reference as it is written."""
    alone: bool
    """The reference is the whole text, so that it keeps the type of the cell."""

    @property
    def step(self) -> int | None:
        """The index of the step that it is a part of."""
        at = self.path[1] if self.path[0] == _STEPS and len(self.path) > 1 else None
        return at if isinstance(at, int) else None

    @property
    def is_optional(self) -> bool:
        """An empty cell leaves this value out: it is a parameter of a step, or a part of one."""
        return self.alone and self.step is not None and self.path[2:3] == ("params",)


@dataclass(frozen=True, slots=True)
class Template:
    """A checked workflow document and what each row adds to it."""

    document: Mapping[str, Json]
    """Normalised; its ``workflow_name`` is the batch's."""
    folder_a_row: bool
    """Each row has a folder of its own below ``workspace_output_folder``."""

    def as_json(self) -> dict[str, Json]:
        return {"document": dict(self.document), "folder_a_row": self.folder_a_row}


def find_uses(document: Mapping[str, Json], root: str = SAMPLE) -> tuple[Use, ...]:
    """Every place that refers to a column, in the order of the document; ``root``: or to another
    value of base_context, such as the inputs of a template."""
    return tuple(
        Use(path, ".".join(part.path[1:]), part.text, len(parts(value_at(document, path))) == 1)
        for path, part in references(dict(document))
        if isinstance(part, Reference) and part.kind is Kind.CONTEXT and part.path[0] == root
    )


def value_at(document: Any, path: Path) -> Any:
    """The value at a path that the document has."""
    for key in path:
        document = document[key]
    return document


def needs_folder(document: Mapping[str, Json], uses: Collection[Use]) -> bool:
    """Whether each row needs a folder of its own: some step names its output by no column."""
    named = {use.step for use in uses if use.path[2:3] == ("params",) and use.path[-1] in PLACES}
    return any(
        number not in named and any(place in step["params"] for place in PLACES)
        for number, step in enumerate(document["steps"])
    )


def row_document(
    template: Template, uses: Collection[Use], row: Row, labels: Mapping[str, str]
) -> dict[str, Json]:
    """The workflow of one row. ``labels`` are those that every row has, besides its sample."""
    document = template.document
    context = dict(document["base_context"])
    if template.folder_a_row:
        context[FOLDER] = f"{context[FOLDER].rstrip('/')}/{row.sample}"
    context[SAMPLE] = {SAMPLE: row.sample, **row.values}
    absent = [
        use.path
        for use in uses
        if use.is_optional and use.column != SAMPLE and use.column not in row.values
    ]
    return {
        **document,
        "workflow_name": f"{document['workflow_name']}-{row.sample}",
        "base_context": context,
        "steps": leave_out(document["steps"], absent),
        "labels": {**labels, SAMPLE: row.sample},
    }


def leave_out(steps: Json, absent: Collection[Path]) -> Json:
    """The steps without the values at these paths, and without lists and objects left empty."""
    if not absent:
        return steps
    below: dict[int, list[Path]] = {}
    for path in absent:
        below.setdefault(int(path[1]), []).append(path[3:])
    return [
        {**step, "params": _without(step["params"], below[number])} if number in below else step
        for number, step in enumerate(steps)
    ]


def _without(value: Any, paths: Collection[Path]) -> Any:
    """A copy of an object or a list without what the paths lead to, and without what that leaves
    empty. An object in a list, such as a library of reads, goes with its last reference."""
    gone = {path[0] for path in paths if len(path) == 1}
    deeper: dict[Any, list[Path]] = {}
    for path in paths:
        if len(path) > 1:
            deeper.setdefault(path[0], []).append(path[1:])
    items = value.items() if isinstance(value, dict) else enumerate(value)
    kept: list[tuple[Any, Json]] = []
    for key, inner in items:
        if key not in gone:
            rest = _without(inner, deeper[key]) if key in deeper else inner
            emptied = key in deeper and not (rest if isinstance(value, dict) else _speaks(rest))
            if not emptied:
                kept.append((key, rest))
    return dict(kept) if isinstance(value, dict) else [inner for _, inner in kept]


def _speaks(value: Json) -> bool:
    """Whether anything is left that a reference says; of a text, that it is there."""
    return any(True for _ in references(value)) if isinstance(value, dict) else bool(value)
