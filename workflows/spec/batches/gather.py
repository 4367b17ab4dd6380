"""The gather of a batch: steps over all samples, which begin when every row has ended.

It is a workflow document of its own, in which ``${batch.outputs.<name>}`` is a reference to
base_context: its workflow holds the lists that it uses as ``base_context.batch``. So it is stored,
read and submitted again like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.reference_syntax import Kind, Reference, references

ANY: Final = "any"
"""It begins when any row has succeeded, with those that have."""
ALL: Final = "all"
"""It begins only when every row has succeeded."""
REQUIRE: Final = "require"
BATCH: Final = "batch"
OUTPUTS: Final = "outputs"
CONTEXT: Final = "base_context"


@dataclass(frozen=True, slots=True)
class Gather:
    """A checked gather."""

    document: Mapping[str, Json]
    """Normalised, without ``base_context.batch``."""
    require: str
    """``ANY`` or ``ALL``."""

    def as_json(self) -> dict[str, Json]:
        return {"document": dict(self.document), REQUIRE: self.require}

    def workflow(
        self, lists: Mapping[str, Sequence[Json]], labels: Mapping[str, str]
    ) -> dict[str, Any]:
        """The document of its workflow. ``lists``: of each output; ``labels``: besides its own."""
        own: Any = self.document.get("labels") or {}
        return {**with_lists(self.document, lists), "labels": {**own, **labels}}


def find_uses(document: Mapping[str, Any]) -> Iterator[tuple[Path, Reference]]:
    """Each ``${batch.…}`` with its place in the document."""
    for path, part in references(dict(document)):
        if isinstance(part, Reference) and part.kind is Kind.CONTEXT and part.path[0] == BATCH:
            yield path, part


def output_of(part: Reference) -> str:
    """The name of the output that it refers to, as the table of results has it; or empty."""
    return ".".join(part.path[2:]) if part.path[1:2] == (OUTPUTS,) else ""


def collect(values: Iterable[Json]) -> list[Json]:
    """The list of an output, from its value in each row: of a row without a value nothing, of a
    list all that is in it, since no app takes lists of lists."""
    return [
        item
        for value in values
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


def with_lists(document: Mapping[str, Any], lists: Mapping[str, Sequence[Json]]) -> dict[str, Any]:
    """The document with the lists that it uses, each where its references look for it."""
    context = document.get(CONTEXT)
    if not isinstance(context, dict):
        return dict(document)
    placed: dict[str, Any] = {}
    for _, part in find_uses(document):
        if name := output_of(part):
            _place(placed, part.path[2:], list(lists.get(name, ())))
    return {**document, CONTEXT: {**context, BATCH: {OUTPUTS: placed}}}


def _place(into: dict[str, Any], path: Sequence[str], value: list[Json]) -> None:
    *above, last = path
    for name in above:
        into = into.setdefault(name, {})
        if not isinstance(into, dict):
            return  # checks have refused it: a list has no parts of its own
    into[last] = value


def without_lists(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without ``base_context.batch``, which a workflow that was read back has."""
    context = document.get(CONTEXT)
    if not isinstance(context, dict) or BATCH not in context:
        return dict(document)
    kept = {name: value for name, value in context.items() if name != BATCH}
    return {**document, CONTEXT: kept}
