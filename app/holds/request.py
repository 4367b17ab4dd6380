"""Reads a new hold from a request, and says who may set it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flask import g
from marshmallow import ValidationError

from app.api.apps.lookup import unknown_app
from app.api.schemas.request_schemas import Moment
from app.connections import connections
from app.holds.schemas import NewHold
from workflows.engine.access import Caller
from workflows.engine.batches import commands as batches
from workflows.engine.templates import commands as templates
from workflows.model.errors import Forbidden, Invalid, Problem
from workflows.model.values import Json
from workflows.rules.holds import Mode, Scope
from workflows.spec.checks.suggestions import did_you_mean
from workflows.store import clock
from workflows.store.templates.references import template_name

_MINE: Final = (Scope.USER, Scope.BATCH, Scope.WORKFLOW)
"""The scopes in which users may hold what is theirs."""


@dataclass(frozen=True, slots=True)
class WantedHold:
    """A hold that the caller may set."""

    scope: Scope
    target: str
    mode: Mode
    reason: str
    owner: str
    """Of the workflow or the batch; empty for other scopes."""
    until: datetime | None


def read_hold(sent: Mapping[str, Json], caller: Caller) -> WantedHold:
    """Raises ``Invalid`` with every problem, ``Forbidden``, ``NotFound``."""
    fields = _read_fields(sent)
    scope, target = Scope(fields["scope"]), str(fields.get("target") or "")
    if scope is Scope.USER and not target:
        target = caller.name or ""
    _check_target(scope, target)
    if scope not in _MINE and not caller.is_admin:
        raise Forbidden(f"Only an admin may set a hold of scope '{scope}'.")
    mode = Mode(fields["mode"])
    if scope is Scope.WORKFLOW and mode is Mode.DRAIN:
        message = "a workflow that runs goes on to its end under a drain"
        raise Invalid([Problem("mode", "bad_argument", message, "use mode 'hold' for a workflow")])
    if scope is Scope.TEMPLATE:
        target = _template(target, caller)
    owner = _owner(scope, target, caller)
    return WantedHold(scope, target, mode, str(fields["reason"]), owner, fields.get("until"))


def _read_fields(sent: Mapping[str, Json]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = NewHold().load(sent)
    except ValidationError as failure:
        problems = failure.messages_dict
        raise Invalid(
            Problem(str(name), *_problem(str(name), texts)) for name, texts in problems.items()
        ) from failure
    if "until" in found:
        found["until"] = _read_until(str(found["until"]))
    return found


def _problem(name: str, texts: Any) -> tuple[str, str, str]:
    known = list(NewHold().fields)
    if name not in known:
        hint = did_you_mean(name, known) or f"known are {', '.join(known)}"
        return "unknown_field", "there is no such field", hint
    return "bad_argument", " ".join(map(str, texts)).rstrip("."), ""


def _read_until(value: str) -> datetime:
    try:
        until: datetime = Moment(default_timezone=UTC).deserialize(value)
    except ValidationError as failure:
        message = "it must be a time in ISO 8601, such as 2026-01-20T06:00:00Z"
        raise Invalid([Problem("until", "bad_argument", message)]) from failure
    if until <= clock.now():
        raise Invalid([Problem("until", "bad_argument", "this time is over")])
    return until


def _check_target(scope: Scope, target: str) -> None:
    if scope is Scope.GLOBAL and target:
        message = "a global hold has no target"
        raise Invalid([Problem("target", "bad_argument", message, "choose another scope")])
    if scope is not Scope.GLOBAL and not target:
        message = f"a hold of scope '{scope}' needs a target"
        raise Invalid([Problem("target", "missing_field", message)])
    if scope is Scope.APP:
        catalogue = connections().apps.catalogue(g.token)
        if target not in catalogue.apps:
            raise unknown_app(target, catalogue)


def _template(target: str, caller: Caller) -> str:
    """``name``, or ``name@version`` with the number of a version. Raises ``NotFound``."""
    name, _, version = target.partition("@")
    if not version:
        return templates.load_name(name, caller).name
    found = templates.load(name, version, caller)
    return template_name(found.reference)


def _owner(scope: Scope, target: str, caller: Caller) -> str:
    """Whose workflow or batch it is, if the caller may hold it."""
    if scope is Scope.WORKFLOW:
        return connections().gate.load(target).owner
    if scope is Scope.BATCH:
        return batches.load(target, caller).owner
    if scope is Scope.USER and target != caller.name and not caller.is_admin:
        raise Forbidden("Only an admin may hold the work of another user.")
    return ""
