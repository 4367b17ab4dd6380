"""A workflow document, in JSON or in CWL, that is pasted or read from a file."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, render_template, request

from app.api.cwl.submission import plan_source, store_plan
from app.connections import connections
from app.http import request_bodies
from app.http.admission import DOCUMENT, takes
from app.http.auth import caller
from app.ui.access.session import signed_in
from app.ui.start import changes, outcome
from app.ui.start.former import former_text
from app.ui.start.outcome import Outcome
from workflows.cwl.bvbrc.request_forms import MAIN, Circumstances, from_parts, from_text
from workflows.cwl.bvbrc.submission import Submission
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json

_CWL_LINE: Final = re.compile(r"^\s*[\"']?(?:cwlVersion|\$graph)[\"']?\s*:", re.MULTILINE)
_CWL_KEYS: Final = ("cwlVersion", "$graph", "cwl", "workflow")


@dataclass(frozen=True, slots=True)
class Written:
    """What is on the page."""

    document: str
    inputs: str = ""
    """Of a CWL workflow: YAML or JSON."""

    @property
    def is_cwl(self) -> bool:
        return bool(_CWL_LINE.search(self.document))


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(
        "/new/document", "write_document", write_document, methods=["GET", "POST"]
    )


@takes(DOCUMENT)
@signed_in
def write_document() -> Any:
    if request.method == "GET":
        former = request.args.get("former")
        return _page(Written(*former_text(former)) if former else Written(""), Outcome())
    written = read_written()
    found = check(written)
    content = [written.document, written.inputs]
    return outcome.answer(found, content, lambda: _page(written, found))


def check(written: Written) -> Outcome:
    """What validation says of a document in either language."""
    if not written.document.strip():
        return Outcome(problems=[Problem("", "missing_field", "paste a workflow, or open a file")])
    try:
        if written.is_cwl:
            return _check_cwl(_cwl_source(written))
        found = request_bodies.parse(written.document.encode())
        if isinstance(found, dict) and any(key in found for key in _CWL_KEYS):
            return _check_cwl(_cwl_source(written))
    except Invalid as invalid:
        return Outcome(problems=invalid.problems)
    return outcome.check_document(found)


def _check_cwl(source: Submission) -> Outcome:
    plan, native = plan_source(source, connections().apps.load(caller().token))
    further = [step.name for step in plan.steps if step.name in plan.waits_for]
    return Outcome(
        warnings=plan.warnings,
        fixes=native.auto_fixes,
        preview=outcome.show(native.spec, further),
        start=lambda: store_plan(source, plan, native, {}),
    )


def _cwl_source(written: Written) -> Submission:
    """Raises ``Invalid``."""
    around = Circumstances(folder=f"/{caller().name}/home", now=int(time.time() * 1000))
    if written.inputs.strip():
        files: Mapping[str, str] = {}
        return from_parts((MAIN, written.document), written.inputs, files, {}, around)
    return from_text(written.document, around)


def read_written() -> Written:
    """A file that was chosen takes the place of the text."""
    file = request.files.get("file")
    text = file.read().decode("utf-8", "replace") if file and file.filename else ""
    return Written(text or request.form.get("document", ""), request.form.get("inputs", ""))


def _page(written: Written, found: Outcome) -> str:
    problems: Json = [each.as_json() for each in found.problems]
    return render_template(
        "start/document.html",
        written=written,
        problems=problems,
        outcome=found,
        once=outcome.visit(),
        former=request.values.get(changes.FORMER, ""),
        changes=changes.of_text(written.document, written.inputs),
    )
