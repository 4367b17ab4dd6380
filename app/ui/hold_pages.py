"""The page about holds, and the banner that names them on every page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for

from app.connections import connections
from app.holds.request import read_hold
from app.ui.access.session import signed_in
from workflows.engine import holds
from workflows.model.errors import Unavailable
from workflows.rules.holds import Mode, Scope, describe
from workflows.store import holds as stored


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/holds", "list_holds", list_holds)
    blueprint.add_url_rule("/holds", "set_hold", set_hold, methods=["POST"])
    blueprint.add_url_rule("/holds/<hold_id>/lift", "lift_hold", lift_hold, methods=["POST"])


def banner(user: str) -> list[str]:
    """A sentence for each hold on everything, on an app or on all work of the user; none while
    MongoDB is away, since the page is about that then."""
    try:
        found = stored.concerning(user)
    except Unavailable:
        return []
    return [describe(hold) for hold in found]


@signed_in
def list_holds() -> str:
    viewer = connections().gate.viewer()
    found = holds.list_visible(viewer)
    return render_template(
        "holds.html",
        holds=[
            (hold, text, holds.may_lift(viewer, hold))
            for hold, text in zip(found, holds.describe_each(found), strict=True)
        ],
        scopes=list(Scope) if viewer.is_admin else [Scope.USER, Scope.BATCH, Scope.WORKFLOW],
        modes=list(Mode),
        now=datetime.now(UTC),
    )


@signed_in
def set_hold() -> Any:
    """Fields that were left empty are absent."""
    names = ("scope", "target", "mode", "reason", "until")
    sent = {name: request.form[name] for name in names if request.form.get(name)}
    viewer = connections().gate.viewer()
    wanted = read_hold(sent, viewer)
    holds.set_hold(
        viewer,
        wanted.scope,
        wanted.target,
        wanted.mode,
        wanted.reason,
        owner=wanted.owner,
        until=wanted.until,
    )
    return redirect(url_for("ui.list_holds"), 303)


@signed_in
def lift_hold(hold_id: str) -> Any:
    holds.lift(connections().gate.viewer(), hold_id)
    connections().hints.start_jobs(g.request_id)
    return redirect(url_for("ui.list_holds"), 303)
