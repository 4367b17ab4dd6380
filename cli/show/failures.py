"""How a command ends: its exit code, which docs/cli.md promises to scripts, and its message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from bvbrc_workflows_client.errors import BadAddress, ConnectionLost, Refused, WorkflowsError


class Exit(IntEnum):
    """The exit codes of every command; 2 is click's own, for a wrong command line."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    INVALID = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    AWAY = 7
    WORKFLOW_FAILED = 10
    WORKFLOW_CANCELLED = 11


_BY_STATUS: Final[Mapping[int, Exit]] = {
    400: Exit.INVALID,
    413: Exit.INVALID,
    415: Exit.INVALID,
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
    429: Exit.AWAY,
    502: Exit.AWAY,
    503: Exit.AWAY,
    504: Exit.AWAY,
}
_BY_STATE: Final[Mapping[str, Exit]] = {
    "failed": Exit.WORKFLOW_FAILED,
    "cancelled": Exit.WORKFLOW_CANCELLED,
}


class Failed(Exception):
    """The command failed; ``problems`` are the API's, each with its path."""

    def __init__(self, code: Exit, detail: str, problems: Sequence[Mapping[str, str]] = ()) -> None:
        self.code = code
        self.detail = detail
        self.problems = tuple(problems)
        super().__init__(detail)

    def as_json(self) -> dict[str, Any]:
        """The same shape as the API's errors."""
        return {"detail": self.detail, "errors": [dict(each) for each in self.problems]}


def of_error(error: WorkflowsError) -> Failed:
    """The same failure as the end of a command."""
    if isinstance(error, Refused):
        return Failed(_BY_STATUS.get(error.status, Exit.UNEXPECTED), error.detail, error.errors)
    codes = {ConnectionLost: Exit.AWAY, BadAddress: Exit.USAGE}
    return Failed(codes.get(type(error), Exit.UNEXPECTED), str(error))


def of_state(state: str) -> Exit:
    """The exit code for a watched workflow that ended in this state."""
    return _BY_STATE.get(state, Exit.DONE)
