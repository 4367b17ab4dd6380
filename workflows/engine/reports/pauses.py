"""Which workflows are paused: a hold on all that they are, or a restart, keeps every step of theirs
from starting. A hold on an app alone keeps single steps, of which ``explain`` tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from workflows.model.states import ACTIVE_WORKFLOW
from workflows.rules.holds import Hold, Mode, Subject, find_hold
from workflows.store import holds
from workflows.store.templates.references import template_name
from workflows.store.workflows.standings import Standing, standings
from workflows.store.workflows.stored import WorkflowSummary


def paused_of(workflows: Sequence[WorkflowSummary]) -> set[str]:
    """The ids of those that are paused."""
    active = [each for each in workflows if each.status in ACTIVE_WORKFLOW]
    held = _held(active) if active else set()
    return held | {each.id for each in active if each.paused}


def _held(active: Sequence[WorkflowSummary]) -> set[str]:
    present = holds.present()
    drains = any(hold.mode is Mode.DRAIN for hold in present)
    known = standings([each.id for each in active]) if drains else {}
    begun = {each.id: known.get(each.id, Standing()).begun_at for each in active}
    return {each.id for each in active if find_whole_hold(present, each, begun[each.id])}


def find_whole_hold(
    present: Sequence[Hold], workflow: WorkflowSummary, begun_at: datetime | None
) -> Hold | None:
    """The hold that keeps each step of a workflow from starting; one on an app alone does not."""
    template = template_name(workflow.template)
    app = ""
    subject = Subject(workflow.owner, app, workflow.id, workflow.batch, begun_at, template)
    return find_hold(present, subject)
