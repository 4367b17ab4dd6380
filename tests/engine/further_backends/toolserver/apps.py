"""The apps of the tool server."""

from __future__ import annotations

from typing import Final

from workflows.spec.catalogue import App, AppSpec, parameter

NAME: Final = "toolserver"
_TEXT: Final = {"id": "text", "type": "string", "required": 1}
_SPEC: Final[AppSpec] = {
    "id": "Reverse",
    "label": "Reverse (tool server)",
    "description": "Turns a text round.",
    "aliases": (),
    "parameters": [_TEXT],
    "later": ("reversed",),
}
APPS: Final = (
    App("Reverse", {"text": parameter(_TEXT)}, later=frozenset({"reversed"}), backend=NAME),
)
SPECS: Final[tuple[AppSpec, ...]] = (_SPEC,)
CWL_SPECS: Final[tuple[AppSpec, ...]] = ()
