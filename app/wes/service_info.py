"""``GET /service-info``: what this service is and can do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from app.wes.run_request import ENGINE, VERSIONS
from app.wes.states import RunState
from config.settings import Settings
from workflows.model.states import WorkflowState
from workflows.store import statistics

_COUNT_SECONDS: Final = 30.0
"""How old the counts may be: anybody may ask, and MongoDB has other things to do."""
_COUNTED_AS: Final[Mapping[str, RunState]] = {
    WorkflowState.PENDING: RunState.QUEUED,
    WorkflowState.QUEUED: RunState.QUEUED,
    WorkflowState.RUNNING: RunState.RUNNING,
    WorkflowState.SUCCEEDED: RunState.COMPLETE,
    WorkflowState.FAILED: RunState.EXECUTOR_ERROR,
    WorkflowState.CANCELLED: RunState.CANCELED,
}


class StateCounts:
    """The runs of all users by state; threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counted: dict[str, int] = {}
        self._until = 0.0

    def read(self) -> dict[str, int]:
        """The latest known counts; older ones while another thread counts. Raises ``Unavailable``
        if MongoDB is away."""
        if time.monotonic() >= self._until and self._lock.acquire(blocking=False):
            try:
                self._count()
                self._until = time.monotonic() + _COUNT_SECONDS
            finally:
                self._lock.release()
        return self._counted

    def _count(self) -> None:
        stored = statistics.workflow_states()
        counted = {str(state): 0 for state in _COUNTED_AS.values()}
        for state, count in stored.items():
            if state in _COUNTED_AS:
                counted[_COUNTED_AS[state]] += count
        self._counted = counted


def service_info(
    settings: Settings, version: str, address: str, counts: Mapping[str, int]
) -> dict[str, Any]:
    """The ServiceInfo. ``address``: of this server."""
    wes = settings.wes
    optional = {"contactUrl": wes.contact_url, "environment": wes.environment}
    return {
        "id": wes.service_id,
        "name": "BV-BRC workflow engine",
        "type": {"group": "org.ga4gh", "artifact": "wes", "version": "1.1.0"},
        "description": "Runs workflows of BV-BRC jobs, in CWL or as JSON.",
        "organization": {"name": wes.organization_name, "url": wes.organization_url},
        "documentationUrl": f"{address}/docs",
        "version": version,
        **{name: text for name, text in optional.items() if text},
        "workflow_type_versions": {
            kind: {"workflow_type_version": list(versions)} for kind, versions in VERSIONS.items()
        },
        "supported_wes_versions": ["1.0.0", "1.1.0"],
        "supported_filesystem_protocols": ["ws"],
        "workflow_engine_versions": {ENGINE: {"workflow_engine_version": [version]}},
        "default_workflow_engine_parameters": _parameters(settings),
        "system_state_counts": dict(counts),
        "auth_instructions_url": f"{address}/docs",
        "tags": {},
    }


def _parameters(settings: Settings) -> list[dict[str, str]]:
    cap = settings.executor.max_parallel_steps_per_workflow
    return [
        {"name": "workspace_output_folder", "type": "string", "default_value": "/<user>/home"},
        {"name": "max_parallel_steps", "type": "integer", "default_value": str(cap)},
        {"name": "on_failure", "type": "string", "default_value": "continue"},
        {"name": "reuse", "type": "string", "default_value": settings.reuse.default},
        {"name": "name", "type": "string", "default_value": ""},
    ]
