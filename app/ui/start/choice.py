"""Where a new workflow begins: a template, an app, or a document."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template, request

from app.api.apps.routes import list_apps_matching
from app.connections import connections
from app.http.auth import caller
from app.ui.access.session import signed_in
from workflows.engine.templates import commands as templates
from workflows.engine.templates import views as template_views
from workflows.store.templates.stored import Wanted


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/new", "choose_start", choose_start)


PAGE: Final = 50
"""Templates that are shown; the page of templates has all of them."""


@signed_in
def choose_start() -> str:
    query = request.args.get("query", "").strip()[:200]
    known = connections().apps.load(caller().token)
    return render_template(
        "start/choice.html",
        apps=list_apps_matching(known, query),
        query=query,
        templates=_templates(query),
        note=known.catalogue.note,
    )


def _templates(query: str) -> list[dict[str, Any]]:
    wanted = Wanted(user=caller().name, words=query.lower().split())
    return list(map(template_views.list_item, templates.page_of(wanted, PAGE, "")[0]))
