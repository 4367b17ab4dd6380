"""The client of the BV-BRC workflow engine, for scripts and notebooks.

``Workflows`` submits and finds workflows and batches. ``Workflows.rest`` reaches every operation of
the API with the functions of ``bvbrc_workflows_client.rest``, generated from ``/openapi.json``.
"""

from bvbrc_workflows_client.batches import Batch
from bvbrc_workflows_client.errors import (
    BadAddress,
    Conflict,
    ConnectionLost,
    Forbidden,
    Invalid,
    NotFound,
    NotTheEngine,
    Problem,
    Refused,
    RunFailed,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    WorkflowsError,
)
from bvbrc_workflows_client.runs import Run
from bvbrc_workflows_client.session import Session
from bvbrc_workflows_client.version import __version__
from bvbrc_workflows_client.workflows import Workflows

__all__ = [
    "BadAddress",
    "Batch",
    "Conflict",
    "ConnectionLost",
    "Forbidden",
    "Invalid",
    "NotFound",
    "NotTheEngine",
    "Problem",
    "Refused",
    "Run",
    "RunFailed",
    "Session",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Workflows",
    "WorkflowsError",
    "__version__",
]
