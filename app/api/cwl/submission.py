"""Plans and stores a CWL submission, for every route that takes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    asked = {
        "workflow_type": "CWL",
        "workflow_type_version": plan.version,
        "workflow_url": source.main,
        "output_types": plan.output_types,
        **request,
    }
    origin = Origin(json.dumps(source.as_json()), json.dumps(asked))
    return submission.accept(native.spec, native.workflow_json, origin, plan.waits_for, template)
