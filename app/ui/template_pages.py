"""The pages of templates: those that the user may use, and one with its inputs and steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, render_template, request

from app.connections import connections
from app.http.auth import caller
from app.ui.access.session import signed_in
from workflows.engine.templates import commands as templates
from workflows.engine.templates import views as template_views
from workflows.engine.templates.commands import LATEST
from workflows.store.templates.stored import Wanted

PAGE: Final = 100
_LONGEST_SEARCH: Final = 200


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/templates", "list_templates", list_templates)
    blueprint.add_url_rule("/templates/<name>", "show_template", show_template)
    blueprint.add_url_rule("/templates/<name>@<version>", "show_template", show_template)
    blueprint.app_template_filter("input_type")(input_type)


def input_type(schema: Mapping[str, Any]) -> str:
    """What an input takes, in a few words."""
    word = str(schema.get("type", "any value"))
    if schema.get("enum"):
        return " | ".join(map(str, schema["enum"]))
    if "items" in schema:
        return f"list of {input_type(schema['items'])}"
    if schema.get("properties"):
        return f"object with {', '.join(schema['properties'])}"
    limits = [str(schema[key]) if key in schema else "…" for key in ("minimum", "maximum")]
    span = f", {limits[0]} to {limits[1]}" if limits != ["…", "…"] else ""
    kind = "path in the Workspace" if "format" in schema else word
    return f"{kind}{span}"


@signed_in
def list_templates() -> str:
    query = request.args.get("query", "")[:_LONGEST_SEARCH]
    wanted = Wanted(user=caller().name, words=query.lower().split())
    found, following = templates.page_of(wanted, PAGE, request.args.get("page", "")[:PAGE])
    return render_template(
        "templates.html",
        lines=list(map(template_views.list_item, found)),
        following=following,
        query=query,
    )


@signed_in
def show_template(name: str, version: str = LATEST) -> str:
    viewer = connections().gate.viewer()
    return render_template(
        "template.html",
        shown=template_views.whole(templates.load(name, version, viewer), viewer),
    )
