"""Plans and stores a CWL submission, for every route that takes one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from app.api.apps.lookup import Known
from app.api.submit import submission
from app.api.submit.validation import apart
from app.connections import connections
from app.http import metering
from app.http.auth import caller
from app.http.client_socket import client_left
from workflows.cwl.bvbrc.app_checks import check_plan
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.engine.commands import Accepted
from workflows.model.errors import Invalid
from workflows.model.values import Json
from workflows.spec.validate import Validated as NativeWorkflow
from workflows.spec.validate import validate
from workflows.store.workflows.specs import Origin


def plan_source(source: Submission, known: Known) -> tuple[Plan, NativeWorkflow]:
    """The plan, and the native workflow that it makes; both can run.

    It waits for the planner, and for MongoDB only within the caller's patience. Raises ``Invalid``
    and the refusals of quotas.
    """
    quotas, user = connections().quotas, caller().name
    quotas.check_computing(user)
    charge = partial(quotas.computed, user)
    made = connections().planner.plan(user, source, known.table, client_left(), charge)
    plan = check_plan(made, known.catalogue)
    if plan.problems:
        raise Invalid(plan.problems)
    with metering.computing():
        valid = validate(plan.document(), known.catalogue)
    return plan, apart(valid)


def plan_rows(
    source: Submission, rows: Sequence[Mapping[str, Json]], known: Known
) -> list[tuple[Plan, NativeWorkflow | None]]:
    """The plan of the submission for each row's fields; with problems, or with the native workflow
    that it makes. It waits and refuses as ``plan_source`` does."""
    quotas, user = connections().quotas, caller().name
    quotas.check_computing(user)
    charge = partial(quotas.computed, user)
    made = connections().planner.plan_rows(user, source, rows, known.table, client_left(), charge)
    with metering.computing():
        return [_check_row(plan, known) for plan in made]


def _check_row(made: Plan, known: Known) -> tuple[Plan, NativeWorkflow | None]:
    plan = check_plan(made, known.catalogue)
    return plan, None if plan.problems else validate(plan.document(), known.catalogue)


def describe_request(source: Submission, plan: Plan) -> dict[str, Json]:
    """How the workflow was asked for, as WES shows it."""
    return {
        "workflow_type": "CWL",
        "workflow_type_version": plan.version,
        "workflow_url": source.main,
        "output_types": dict(plan.output_types),
    }


def store_plan(
    source: Submission,
    plan: Plan,
    native: NativeWorkflow,
    request: Mapping[str, Json],
    template: Mapping[str, Json] | None = None,
) -> Accepted:
    """Stores the workflow with its source. ``request`` holds WES's fields as they were sent, where
    the workflow came that way.
    """
    asked = {**describe_request(source, plan), **request}
    origin = Origin(json.dumps(source.as_json()), json.dumps(asked))
    return submission.accept(native.spec, native.workflow_json, origin, plan.waits_for, template)
