"""Checks what a page is about to start, with the validation of the API, and starts it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from flask import Response, g, redirect, request, url_for

from app.api.submit import submission
from app.api.submit.validation import take
from app.connections import connections
from app.forecast import forecasts
from app.ui.start.preview import Preview, preview
from workflows.engine.commands import Accepted
from workflows.engine.forecast.views import message
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json, Spec

_RUNS: Final = 50
"""A page is checked while people type, so its forecast is made of fewer runs."""
ONCE = "once"
"""The control that tells one visit of a page from another: what it starts, it starts once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What validation says, and what will happen if there is no problem."""

    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()
    fixes: Sequence[Problem] = ()
    preview: Preview | None = None
    start: Callable[[], Accepted] | None = None
    """Starts it; None where there are problems."""


def check_document(document: Json) -> Outcome:
    """Checks a workflow document as ``POST /workflows/validate`` does."""
    try:
        taken = take(document)
    except Invalid as invalid:
        return Outcome(problems=invalid.problems)
    return Outcome(
        warnings=(*taken.warnings, *submission.token_warnings(taken.spec)),
        fixes=taken.auto_fixes,
        preview=show(taken.spec),
        start=lambda: submission.accept(taken.spec, taken.workflow_json),
    )


def show(spec: Spec, further: Sequence[str] = ()) -> Preview:
    cap = connections().settings.executor.max_parallel_steps_per_workflow
    made = forecasts.for_page(lambda: forecasts.of_spec(spec, _RUNS))
    return replace(preview(spec, cap, further), takes=message(made) if made else "")


def answer(outcome: Outcome, content: Any, page: Callable[[], str]) -> Any:
    """The page; or, after *Start* and without problems, the workflow that was started. The same
    content sent again from the same page starts nothing else. Raises ``QuotaExceeded``.
    """
    starts = request.form.get("action") == "start"
    if starts and outcome.start and not outcome.problems:
        begin_once(content)
        accepted = outcome.start()
        return redirect(url_for("ui.graph", workflow_id=accepted.id), 303)
    return Response(page(), HTTPStatus.BAD_REQUEST if starts else HTTPStatus.OK)


def visit() -> str:
    """The mark of this visit of a page; the page sends it along."""
    return request.form.get(ONCE) or secrets.token_urlsafe(9)


def begin_once(content: Any) -> str:
    """Gives this request a key, so that one visit of a page starts the same content once; and what
    the page says of reuse."""
    reuse = request.form.get("reuse", "")
    submission.set_page_reuse(reuse)
    text = json.dumps([g.identity.user, request.form.get(ONCE, ""), content, reuse], sort_keys=True)
    key = f"page-{hashlib.sha256(text.encode()).hexdigest()}"
    submission.set_page_key(key)
    return key
