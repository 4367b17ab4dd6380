"""From a request's JSON to something that may be stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflows.document import document, spec_from
from workflows.errors import Invalid, Problem
from workflows.workflow import Json, Spec


@dataclass(frozen=True, slots=True)
class Taken:
    spec: Spec
    document: dict[str, Json]
    warnings: Sequence[Problem] = ()
    auto_fixes: Sequence[Problem] = ()


def take(found: Json) -> Taken:
    """Raises ``Invalid``."""
    try:
        spec = spec_from(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid([Problem("", "bad_workflow", f"It is no workflow: {error}")]) from error
    return Taken(spec, document(spec))
