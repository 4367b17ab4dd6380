"""Checks a template that is sent, and stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.api.apps import routes as apps
from app.api.submit import validation
from app.connections import connections
from app.http import metering
from app.http.auth import caller
from app.http.errors import QuotaExceeded
from app.templates import cwl
from workflows.engine.templates import commands as engine
from workflows.engine.templates.commands import Stored
from workflows.model.errors import Problem
from workflows.model.values import Json
from workflows.spec.templates.check import Surroundings, check_template
from workflows.spec.templates.draft import Draft, read_draft


@dataclass(frozen=True, slots=True)
class Checked:
    """A template that can be stored."""

    draft: Draft
    content: Mapping[str, Any]
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()


def check(found: Json) -> Checked:
    """Raises ``Invalid`` with every problem."""
    draft = read_draft(found)
    if draft.cwl is not None:
        inputs = cwl.describe(draft.cwl, draft.inputs)
        return Checked(draft, {**draft.texts, **draft.cwl, "inputs": inputs.as_schema()})
    known = connections().apps.load(caller().token)
    with metering.computing():
        checked = check_template(
            draft.name,
            draft.workflow,
            draft.inputs,
            Surroundings(known.catalogue, apps.specifications(known), validation.limits()),
        )
    parts = {"workflow": checked.workflow, "inputs": checked.inputs.as_schema()}
    return Checked(draft, {**draft.texts, **parts}, checked.warnings, checked.auto_fixes)


def store(checked: Checked) -> Stored:
    """Raises ``Conflict``, ``Forbidden``, ``QuotaExceeded``."""
    found, user = connections(), caller()
    is_admin = found.gate.viewer().is_admin
    before = engine.find_own(user, checked.draft.name, is_admin=is_admin)
    found.quotas.check_stored(user.name, starts=False)
    allowed = found.settings.templates.per_user
    if before is None and (used := engine.count_of(user.name)) >= allowed:
        message = f"{used} of {allowed} templates are used"
        raise QuotaExceeded("templates", message, "Store further versions of those you have.")
    stored = engine.store(user, checked.draft, checked.content, is_admin=is_admin)
    found.quotas.stored(user.name, stored.bytes, starts=False)
    return stored
