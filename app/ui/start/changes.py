"""What differs between a former workflow and what is edited now."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from flask import request

from app.ui.start.former import former_document, former_text, indent
from workflows.model.errors import Forbidden, NotFound
from workflows.model.values import Json

FORMER: Final = "former"
"""The field that names the former workflow."""
_MOST_LINES: Final = 300
Line = tuple[str, str]
"""``added``, ``removed``, ``same`` or ``place``, and the line."""
_KINDS: Final = {"+": "added", "-": "removed", "@": "place"}


def of_text(document: str, inputs: str) -> list[Line]:
    """Of a document and its inputs as texts; empty where nothing differs, or nothing was before."""
    if not (former := request.values.get(FORMER)):
        return []
    try:
        before = former_text(former)
    except (NotFound, Forbidden):
        return []
    pairs = zip(before, (document, inputs), strict=True)
    return [line for one, two in pairs for line in diff(one, two)]


def of_form(document: Mapping[str, Any]) -> list[Line]:
    """Of a workflow of one step: its name, folder and parameters."""
    if not (former := request.values.get(FORMER)):
        return []
    try:
        before = former_document(former)
    except (NotFound, Forbidden):
        return []
    return diff(indent(_what_counts(before)), indent(_what_counts(document)))


def diff(before: str, after: str) -> list[Line]:
    """The lines that differ, each with a neighbour."""
    one, two = ([line.rstrip() for line in text.splitlines()] for text in (before, after))
    lines = list(difflib.unified_diff(one, two, n=1, lineterm=""))[2:]
    found = [(_KINDS.get(line[0], "same"), line) for line in lines[:_MOST_LINES]]
    more = len(lines) - len(found)
    return [*found, ("place", f"… {more} more lines")] if more else found


def _what_counts(document: Mapping[str, Any]) -> dict[str, Json]:
    return {
        "workflow_name": document["workflow_name"],
        "workspace_output_folder": document["base_context"].get("workspace_output_folder"),
        "params": dict(sorted(document["steps"][0]["params"].items())),
    }
