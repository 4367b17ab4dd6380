"""``/llms.txt``: how to write workflows, on one page for language models; also docs/agents.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.mistakes import ABSENT, MISTAKES, Mistake
from app.http.auth import OPEN
from app.http.routes import TEXT, Answer, route
from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.spec.app_examples import is_required
from workflows.spec.catalogue import App, AppSpec, catalogue

blueprint = Blueprint("reference", __name__, description="For language models.")

_TEMPLATE: Final = Path(__file__).with_name("reference.md")
_MOST_OPTIONAL: Final = 10


@route(
    blueprint,
    "GET",
    "/llms.txt",
    answers={200: Answer("Markdown", {TEXT: {"type": "string"}})},
    access=OPEN,
)
def show_reference() -> Response:
    """How to write workflows, on one page for language models"""
    return Response(render_reference(), mimetype=TEXT)


@cache
def render_reference() -> str:
    """The page: the template, with what can be generated in its places."""
    table = app_table.load()
    known = catalogue(table, table, declared_apps.apps()).apps
    parts = {
        "example": json.dumps(examples.WORKFLOW, indent=1),
        "mistakes": "\n".join(
            _describe_mistake(number, mistake) for number, mistake in enumerate(MISTAKES, 1)
        ),
        "apps": _describe_apps(known, table),
        "builtin": _describe_apps(known, declared_apps.specs()),
    }
    text = _TEMPLATE.read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return text


def _describe_mistake(number: int, mistake: Mistake) -> str:
    shown = {name: value for name, value in mistake.wrong.items() if value is not ABSENT}
    wrong = f": `{json.dumps(shown)}`" if shown else ""
    return f"{number}. **{mistake.title}**{wrong} (`{mistake.code}`). {mistake.instead}"


def _describe_apps(known: Mapping[str, App], specs: Iterable[AppSpec]) -> str:
    return "\n".join(_describe_app(known[spec["id"]], spec) for spec in specs)


def _describe_app(app: App, spec: Mapping[str, Any]) -> str:
    required = [each.id for each in app.parameters.values() if is_required(each, app)]
    optional = [each.id for each in app.parameters.values() if not is_required(each, app)]
    about = str(spec.get("description") or spec.get("label") or app.id).rstrip(".")
    lists = {
        "Required": required,
        "Also": optional[:_MOST_OPTIONAL] + ["…"] * (len(optional) > _MOST_OPTIONAL),
        "Outputs": [*app.outputs, *sorted(app.later)],
    }
    shown = [f"{name}: `{', '.join(names)}`." for name, names in lists.items() if names]
    return " ".join([f"* `{app.id}`: {about}.", *shown])
