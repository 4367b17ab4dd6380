"""Records each durable event: a line in the workflow's log and a line of JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import structlog

from observability.workflow_logs import WorkflowLogs
from workflows.engine.context import Recorded
from workflows.rules.event_log import text

log = structlog.get_logger(__name__)


def recorder(logs: WorkflowLogs) -> Callable[[Sequence[Recorded]], None]:
    """Appends to ``<workflow id>.log``. A failure to write a log stops nothing: the history is in
    MongoDB."""

    def record(recorded: Sequence[Recorded]) -> None:
        by_workflow = defaultdict(list)
        for each in recorded:
            by_workflow[each.workflow].append(each.event)
            _report(each)
        try:
            for workflow, events in by_workflow.items():
                logs.append(workflow, text(events))
        except OSError as error:
            log.warning("A workflow's log file cannot be written", error=str(error))

    return record


def _report(each: Recorded) -> None:
    event = each.event
    log.info(
        "State changed",
        workflow_id=each.workflow,
        subject=event.subject,
        step=event.step_name,
        app=event.app,
        attempt=event.attempt,
        job_id=event.job_id,
        before=event.before,
        after=event.after,
        reason=event.reason,
        duration_seconds=event.duration.total_seconds() if event.duration is not None else None,
    )
