"""Routes about many workflows: the list, and actions on all that a filter finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.response_schemas import Page
from app.http import request_bodies
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from app.many import acting, filters, schemas
from app.many.acting import Command
from workflows.engine.many import Action
from workflows.engine.reports import views
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.spec.checks.suggestions import did_you_mean
from workflows.store.workflows import listing

blueprint = Blueprint("many", __name__, description="Find workflows, and act on many at once.")


@route(
    blueprint,
    "GET",
    "/workflows",
    answers={200: Answer("A page of them", {JSON: Page}, examples.PAGE)},
    query=schemas.ListQuery,
    refuses=[403],
)
def list_workflows(arguments: dict[str, Any]) -> Response:
    """List the caller's workflows

    Newest first. Workflows submitted while the pages are read do not shift them. An admin may ask
    for those of another `owner`; other users are refused with 403.
    """
    owner, wanted = filters.find_owner(arguments), filters.read_wanted(arguments)
    order = filters.read_order(arguments["sort"], owner)
    workflows, token = listing.page(
        owner, wanted, arguments["page_size"], arguments["page_token"], order
    )
    counts = {"counts": listing.counts(owner, wanted)} if arguments["counts"] else {}
    page = {"workflows": views.list_items(workflows), "next_page_token": token}
    return as_json(page | counts)


@route(
    blueprint,
    "POST",
    "/workflows/actions",
    body=Body(schemas.ActionBody, {"cancel what runs of a name": schemas.REQUEST}),
    answers={
        200: Answer("What became of each", {JSON: schemas.ActionAnswer}, schemas.ACTED),
    },
    refuses=[403, 409],
)
def act_on_many() -> Response:
    """Cancel, retry or delete all workflows that a filter finds

    Those of them that the action applies to: `matched` says how many. A call acts on at most
    `page_size` of them, the newest first: send the same body with the `next_page_token` as
    `page_token` to go on. With `dry_run` nothing is done. With `expected_count` nothing is done
    (409) unless so many match at the first call; an empty filter, which means all your workflows,
    needs it.
    """
    sent = request_bodies.read_json(request)
    command, size, token = read_command(sent)
    return as_json(acting.perform(command, size, token))


def read_command(sent: Json) -> tuple[Command, int, str]:
    """The command, how many a call may act on, and where it goes on.

    Raises ``Invalid`` with every problem, and ``Forbidden``.
    """
    if not isinstance(sent, dict):
        raise Invalid([Problem("", "not_an_object", "The body must be a JSON object.")])
    if problems := [*_unknown(sent), *_bad(sent)]:
        raise Invalid(problems)
    found = filters.read_body(sent["filter"])
    command = Command(
        Action(sent["action"]),
        filters.find_owner(found),
        filters.read_wanted(found),
        sent.get("expected_count"),
        bool(sent.get("dry_run")),
    )
    is_empty = set(found) <= {"owner"}
    if is_empty and command.expected is None and not command.is_dry_run:
        message = "a filter that names nothing means all workflows"
        hint = "give expected_count too, as a dry run tells it"
        raise Invalid([Problem("filter", "missing_field", message, hint)])
    return command, sent.get("page_size") or schemas.MOST_A_CALL, sent.get("page_token") or ""


def _unknown(sent: Mapping[str, Json]) -> list[Problem]:
    known = schemas.ActionBody().fields
    return [
        Problem(
            name,
            "unknown_field",
            "there is no such field",
            did_you_mean(name, known) or f"known are {', '.join(known)}",
        )
        for name in sent
        if name not in known
    ]


def _bad(sent: Mapping[str, Json]) -> list[Problem]:
    """The problems of the known fields, but for those within the filter."""
    actions = ", ".join(Action)
    found = [
        Problem(name, "missing_field", "it is required")
        for name in ("action", "filter")
        if name not in sent
    ]
    if "action" in sent and sent["action"] not in list(Action):
        message = "there is no such action"
        found.append(Problem("action", "invalid_choice", message, f"use one of {actions}"))
    for name, most in (("expected_count", 2**53), ("page_size", schemas.MOST_A_CALL)):
        value = sent.get(name)
        least = 1 if name == "page_size" else 0
        if value is not None and (type(value) is not int or not least <= value <= most):
            message = f"it must be an integer from {least} to {most}"
            found.append(Problem(name, "wrong_type", message))
    for name, kind, word in (("dry_run", bool, "true or false"), ("page_token", str, "a text")):
        if sent.get(name) is not None and not isinstance(sent[name], kind):
            found.append(Problem(name, "wrong_type", f"it must be {word}"))
    return found
