"""What a page of a sample sheet was sent with: a file, edits of cells, and choices of columns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flask import request

from app.api.apps.routes import find_app
from app.connections import connections
from app.http.auth import caller
from app.ui.sheets.table import read_table
from app.ui.start.app_form import fill
from app.ui.start.template_form import load_subject, read_body
from workflows.spec.batches.table import Table
from workflows.spec.checks.diagnostics import Diagnostics

_CELL: Final = re.compile(r"cell\.(\d{1,5})\.(\d{1,4})")
_FILLS: Final = "fills."
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
"""How a file in UTF-16 begins."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the page was sent with."""

    workflow: str
    """As JSON; empty: none yet. With a template: what all samples share."""
    template: str = ""
    """``name@version``; empty: none."""
    text: str = ""
    """The table; empty: none yet."""
    table: Table = field(default_factory=lambda: Table((), ()))
    noted: Diagnostics = field(default_factory=Diagnostics)
    max_active: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Column to what was chosen for it."""


def read_sent() -> Sent:
    """A file takes the place of the table and of what was done to it; a form of an app that of the
    workflow.
    """
    file = request.files.get("file")
    read = _read_file(file.read()) if file and file.filename else _read_cells()
    template = request.form.get("template", "")
    return Sent(
        read_workflow(template),
        template,
        *read,
        request.form.get("max_active", ""),
        _read_choices(),
    )


def _read_file(raw: bytes) -> tuple[str, Table, Diagnostics]:
    try:
        return read_table(raw.decode("utf-16" if raw.startswith(_WIDE) else "utf-8-sig"), {})
    except UnicodeDecodeError:
        noted = Diagnostics()
        message = "this file is no table in UTF-8 or UTF-16"
        noted.problem(("samples",), "bad_table", message, "save it as CSV (UTF-8) and send that")
        return "", Table((), ()), noted


def _read_cells() -> tuple[str, Table, Diagnostics]:
    edits = {
        (int(found[1]), int(found[2])): value.strip()
        for name, value in request.form.items()
        if (found := _CELL.fullmatch(name))
    }
    text = request.form.get("table", "")
    return read_table(text, edits) if text.strip() else ("", Table((), ()), Diagnostics())


def _read_choices() -> dict[str, str]:
    return {
        request.form.get(f"column.{name.removeprefix(_FILLS)}", ""): value
        for name, value in request.form.items()
        if name.startswith(_FILLS)
    }


def read_workflow(template: str) -> str:
    """The workflow of the page itself, or of the form of an app before it, as text."""
    if "workflow" in request.form:
        return request.form["workflow"]
    if template:
        body = read_body(load_subject(template), request.form.to_dict())
        return json.dumps(body, indent=2, ensure_ascii=False)
    if name := request.form.get("app"):
        known = connections().apps.load(caller().token)
        app = known.catalogue.apps[find_app(name, known)]
        document = fill(app, request.form.to_dict()).document
        return json.dumps(document, indent=2, ensure_ascii=False)
    return ""
