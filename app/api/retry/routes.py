"""Retries a workflow for the routes and pages, with changes or without."""

from __future__ import annotations

from flask import g

from app.api.submit.validation import examine_again
from app.connections import connections
from app.http.auth import caller
from workflows.engine import changed_retry
from workflows.engine import commands as engine
from workflows.engine.changed_retry import Changes
from workflows.store.workflows.stored import StoredWorkflow


def retry(workflow: StoredWorkflow, changes: Changes | None) -> StoredWorkflow:
    """Raises ``Conflict``, ``Invalid`` with every problem of the changes, ``QuotaExceeded``."""
    found, owner, stored_bytes = connections(), workflow.owner, 0
    if changes is None:
        found.quotas.check_active(owner)
        workflow = engine.retry(found.context, caller(), workflow.id)
    else:
        found.quotas.check_stored(owner, starts=True)
        retried = changed_retry.retry(found.context, caller(), workflow.id, changes, examine_again)
        workflow, stored_bytes = retried.workflow, retried.bytes
    found.quotas.stored(owner, stored_bytes, starts=True)
    found.hints.advance(workflow.id, g.request_id)
    return workflow
