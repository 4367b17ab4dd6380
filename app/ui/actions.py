"""Actions on workflows: each is requested by a form, after a page that says what will happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, g, redirect, render_template, request, url_for

from app import deletion
from app.api.retry import routes as retries
from app.connections import connections
from app.http.auth import caller
from app.ui import edited_params, view_models
from app.ui.access.session import signed_in
from workflows.engine import commands as engine
from workflows.engine import holds
from workflows.model.errors import Forbidden, Invalid, Problem
from workflows.model.states import FINAL_STEP
from workflows.store.jobs import rows as job_rows

MOST_EDITED: Final = 20
"""Steps whose parameters the page of a retry shows for editing, the first ones."""


def register(blueprint: Blueprint) -> None:
    for rule, view, methods in (
        ("cancel", cancel, ["GET", "POST"]),
        ("retry", retry, ["GET", "POST"]),
        ("start", start, ["POST"]),
        ("pause", pause, ["POST"]),
        ("resume", resume, ["POST"]),
        ("token", renew, ["POST"]),
        ("delete", delete, ["GET", "POST"]),
    ):
        blueprint.add_url_rule(
            f"/workflows/<workflow_id>/{rule}", view.__name__, view, methods=methods
        )


@signed_in
def cancel(workflow_id: str) -> Any:
    found = view_models.head(workflow_id)
    names = found.compiled.dag.names
    if request.method == "GET":
        present = view_models.present_jobs(found, job_rows.history(workflow_id))
        killed = [
            (names[step], present[step].job_id if step in present else "")
            for step in found.in_flight
        ]
        return render_template(
            "cancel.html",
            head=found,
            killed=killed,
            waiting=len(names) - len(killed) - found.over,
        )
    engine.cancel(connections().context, workflow_id)
    connections().hints.kill_jobs(g.request_id)
    return _back(workflow_id)


@signed_in
def retry(workflow_id: str) -> Any:
    """Also with other parameters, as the form has them."""
    found = view_models.head(workflow_id)
    if request.method == "GET":
        return _retry_page(found, {})
    texts = {step: request.form.get(f"params.{step}", "") for step in found.anew[:MOST_EDITED]}
    try:
        changes = edited_params.read_changes(found.compiled.spec.steps, texts)
        retries.retry(found.workflow, changes)
    except Invalid as invalid:
        return _retry_page(found, texts, invalid.problems), HTTPStatus.BAD_REQUEST
    return _back(workflow_id)


def _retry_page(
    found: view_models.Head, texts: Mapping[int, str], problems: Sequence[Problem] = ()
) -> str:
    steps = found.compiled.spec.steps
    edited = [
        (step, steps[step].name, texts.get(step) or edited_params.format_params(steps[step]))
        for step in found.anew[:MOST_EDITED]
    ]
    return render_template(
        "retry.html",
        head=found,
        again=[(steps[step].name, found.states[step]) for step in found.anew],
        kept=sum(state in FINAL_STEP for state in found.states) - len(found.anew),
        edited=edited,
        problems=problems,
    )


@signed_in
def start(workflow_id: str) -> Any:
    """A planned workflow."""
    owner = view_models.head(workflow_id).workflow.owner
    connections().quotas.check_active(owner)
    engine.start(connections().context, caller(), workflow_id)
    connections().quotas.stored(owner, 0, starts=True)
    connections().hints.advance(workflow_id, g.request_id)
    return _back(workflow_id)


@signed_in
def pause(workflow_id: str) -> Any:
    """No further step starts."""
    holds.pause(connections().gate.viewer(), view_models.head(workflow_id).workflow)
    return _back(workflow_id)


@signed_in
def resume(workflow_id: str) -> Any:
    holds.resume(connections().gate.viewer(), view_models.head(workflow_id).workflow)
    connections().hints.start_jobs(g.request_id)
    connections().hints.advance(workflow_id, g.request_id)
    return _back(workflow_id)


@signed_in
def renew(workflow_id: str) -> Any:
    """The token of this session takes the place of an older one."""
    found = view_models.head(workflow_id)
    if caller().name != found.workflow.owner:
        raise Forbidden("The fresh token must be the owner's.")
    engine.renew(connections().context, caller())
    connections().hints.start_jobs(g.request_id)
    return _back(workflow_id)


@signed_in
def delete(workflow_id: str) -> Any:
    """For good: an ended workflow, or a plan."""
    found = view_models.head(workflow_id)
    if request.method == "GET":
        return render_template("delete.html", head=found)
    deletion.delete(connections(), workflow_id)
    return redirect(url_for("ui.list_workflows"), 303)


def _back(workflow_id: str) -> Any:
    return redirect(url_for("ui.graph", workflow_id=workflow_id), 303)
