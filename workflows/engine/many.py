"""Actions on many workflows: which of them one applies to, and what it does to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from workflows.engine import commands, deleting, holds
from workflows.engine.access import Caller
from workflows.engine.commands import Owner
from workflows.engine.context import EngineContext
from workflows.model.errors import Conflict, NotFound
from workflows.model.states import (
    ACTIVE_WORKFLOW,
    FINAL_WORKFLOW,
    RETRY_WORKFLOW,
    WorkflowState,
)
from workflows.store.workflows import stored, user_commands
from workflows.store.workflows.filters import Wanted


class Action(StrEnum):
    """What is done to each."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"
    PAUSE = "pause"
    RESUME = "resume"


class Result(StrEnum):
    """What became of one workflow."""

    CANCELLED = "cancelled"
    RETRIED = "retried"
    DELETED = "deleted"
    PAUSED = "paused"
    RESUMED = "resumed"
    UNCHANGED = "unchanged"  # its state has changed since, so that the action does not apply
    REFUSED = "refused"  # a quota, or a plan with problems
    WOULD_CANCEL = "would_cancel"
    WOULD_RETRY = "would_retry"
    WOULD_DELETE = "would_delete"
    WOULD_PAUSE = "would_pause"
    WOULD_RESUME = "would_resume"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one workflow, and why nothing did."""

    workflow: str
    result: Result
    message: str = ""


_APPLIES_TO: Final[Mapping[Action, frozenset[WorkflowState]]] = {
    Action.CANCEL: ACTIVE_WORKFLOW | {WorkflowState.PLANNED},
    Action.RETRY: RETRY_WORKFLOW,
    Action.DELETE: FINAL_WORKFLOW | {WorkflowState.PLANNED},
    Action.PAUSE: ACTIVE_WORKFLOW,
    Action.RESUME: ACTIVE_WORKFLOW,
}
_DONE: Final[Mapping[Action, Result]] = {
    Action.CANCEL: Result.CANCELLED,
    Action.RETRY: Result.RETRIED,
    Action.DELETE: Result.DELETED,
    Action.PAUSE: Result.PAUSED,
    Action.RESUME: Result.RESUMED,
}
_WOULD: Final[Mapping[Action, Result]] = {
    Action.CANCEL: Result.WOULD_CANCEL,
    Action.RETRY: Result.WOULD_RETRY,
    Action.DELETE: Result.WOULD_DELETE,
    Action.PAUSE: Result.WOULD_PAUSE,
    Action.RESUME: Result.WOULD_RESUME,
}


def applicable(action: Action, wanted: Wanted) -> Wanted | None:
    """Those of the workflows that the action applies to; None where it is none of these states."""
    states = _APPLIES_TO[action].intersection(wanted.states or WorkflowState)
    return replace(wanted, states=sorted(states)) if states else None


def actions_on(wanted: Wanted) -> list[Action]:
    """The actions that may apply to some of them."""
    return [action for action in Action if applicable(action, wanted)]


def preview(action: Action, workflow: str) -> Outcome:
    """What the action would do."""
    return Outcome(workflow, _WOULD[action])


def act(context: EngineContext, owner: Owner, action: Action, workflow: str) -> Outcome:
    """Do it to one workflow. ``owner`` is the user of the command.

    A cancel is durable, and no further step starts; an advance that must follow ends it.
    """
    try:
        if action is Action.CANCEL:
            _cancel(workflow)
        elif action is Action.RETRY:
            commands.retry(context, owner, workflow)
        else:
            deleting.delete_workflow(workflow)
    except (Conflict, NotFound) as changed:
        refused = Result.REFUSED if changed.problems else Result.UNCHANGED
        return Outcome(workflow, refused, str(changed))
    return Outcome(workflow, _DONE[action])


def steer(caller: Caller, action: Action, workflow: str) -> Outcome:
    """Pause or resume one workflow. After the last one, ``holds.settle_paused``."""
    try:
        found = stored.get(workflow)
        if action is Action.PAUSE:
            holds.store_pause(caller, found)
        else:
            holds.resume(caller, found)
    except (Conflict, NotFound) as changed:
        return Outcome(workflow, Result.UNCHANGED, str(changed))
    return Outcome(workflow, _DONE[action])


def _cancel(workflow: str) -> None:
    if not user_commands.request_cancel(workflow):
        raise Conflict("It has ended.")
