"""One workflow over a sample sheet: the sheet is shown as a table, mended in it, and started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request, url_for

from app.batches import submission
from app.connections import connections
from app.http.admission import DOCUMENT, takes
from app.http.auth import caller
from app.ui.access.session import signed_in
from app.ui.sheets.columns import Column, Target, match_columns
from app.ui.sheets.sent import Sent, read_sent
from app.ui.sheets.sources import Source, read_source
from app.ui.sheets.table import Sheet, show_table
from app.ui.start import outcome
from app.ui.start.former import former_text
from app.ui.start.preview import Preview
from workflows.engine.batches import commands as batches
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.spec.batches.planned import AnyBatch
from workflows.spec.document import spec_from

MOST_PARTS: Final = 20_000
"""Controls of a form: the cells of the rows that are shown."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page shows."""

    sheet: Sheet | None = None
    columns: Sequence[Column] = ()
    targets: Sequence[Target] = ()
    problems: Sequence[Problem] = ()
    """Of the workflow and of the table as a whole."""
    warnings: Sequence[Problem] = ()
    checked: AnyBatch | None = None
    taken: submission.Taken | None = None
    preview: Preview | None = None
    template: Mapping[str, Json] | None = None


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/new/sheet", "fill_sheet", fill_sheet, methods=["GET", "POST"])


@takes(DOCUMENT, parts=MOST_PARTS)
@signed_in
def fill_sheet() -> Any:
    if request.method == "GET":
        former = request.args.get("former")
        workflow = former_text(former)[0] if former else ""
        return _page(Sent(workflow), Seen())
    sent, starts = read_sent(), request.form.get("action") == "start"
    seen = _look(sent) if sent.text.strip() or sent.noted.problems or starts else Seen()
    if starts and seen.checked and seen.taken:
        content = [sent.workflow, sent.template, sent.text, sent.max_active, dict(sent.chosen)]
        taken = replace(seen.taken, body=outcome.begin_once(content).encode())
        accepted = submission.accept(taken, seen.checked, seen.template)
        return redirect(url_for("ui.show_batch", batch_id=accepted.id), 303)
    return Response(_page(sent, seen), HTTPStatus.BAD_REQUEST if starts else HTTPStatus.OK)


def _look(sent: Sent) -> Seen:
    """Checks the batch as ``POST /batches`` does, and shows each problem at its cell."""
    try:
        return _examine(sent, read_source(sent.workflow, sent.template))
    except Invalid as invalid:
        sheet = show_table(sent.table, sent.noted.all_problems(), ())
        return Seen(sheet, problems=(*invalid.problems, *sheet.others))


def _examine(sent: Sent, source: Source) -> Seen:
    targets = source.targets()
    columns = match_columns(sent.table.columns, source.document, targets, sent.chosen)
    fields = dict(source.fields(columns))
    if sent.max_active.strip():
        text = sent.max_active.strip()
        fields["max_active"] = int(text) if text.isascii() and text.isdecimal() else text
    taken = submission.Taken(fields, sent.table, sent.noted, b"")
    found = source.examine(taken)
    sheet = show_table(sent.table, found.problems, found.warnings)
    seen = Seen(sheet, columns, targets, sheet.others, template=source.template)
    if found.checked is None:
        return seen
    first = spec_from(found.checked.first_documents(1)[0])
    return replace(
        seen,
        checked=found.checked,
        taken=taken,
        warnings=_warnings(found.checked, taken),
        preview=outcome.show(first),
    )


def _warnings(checked: AnyBatch, taken: submission.Taken) -> list[Problem]:
    """Those that no cell shows."""
    context = connections().context
    late = batches.token_warning(context, caller(), checked, taken.max_active)
    apart = [each for each in checked.warnings if not each.path.startswith("samples[")]
    return [*apart, *([late] if late else [])]


def _page(sent: Sent, seen: Seen) -> str:
    settings = connections().settings.batches
    problems: Json = [each.as_json() for each in seen.problems]
    return render_template(
        "start/sheet.html",
        sent=sent,
        seen=seen,
        problems=problems,
        most_at_once=settings.max_active_allowed,
        at_once=seen.taken.max_active if seen.taken and seen.checked else settings.max_active,
        once=outcome.visit(),
    )
