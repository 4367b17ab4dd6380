"""Where a new workflow begins: an app, or a document."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from app.api.apps import list_apps_matching
from app.connections import connections
from app.http.auth import caller
from app.ui.session import signed_in


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/new", "choose_start", choose_start)


@signed_in
def choose_start() -> str:
    query = request.args.get("query", "").strip()
    known = connections().apps.load(caller().token)
    return render_template(
        "start/choice.html",
        apps=list_apps_matching(known, query),
        query=query,
        note=known.catalogue.note,
    )
