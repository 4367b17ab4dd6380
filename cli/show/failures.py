"""How a command ends: its exit code, which docs/cli.md promises to scripts, and its message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from bvbrc_workflows_client.errors import BadAddress, ConnectionLost, Refused, WorkflowsError


class Exit(IntEnum):
    """The exit codes of every command; 2 is click's own, for a wrong command line.
    docs/cli.md is made of the texts below them."""

    DONE = 0
    """done; of `watch` and `--watch`: the workflow succeeded"""
    UNEXPECTED = 1
    """something unexpected, or you said no"""
    USAGE = 2
    """the command line makes no sense"""
    INVALID = 3
    """the API refuses what was sent: the message names every problem with its path"""
    NOT_ALLOWED = 4
    """no token, a bad or expired one, or the workflow belongs to another user"""
    NOT_FOUND = 5
    """there is no such workflow"""
    CONFLICT = 6
    """its present state does not allow that"""
    AWAY = 7
    """the engine cannot be reached, or is too busy now: try again later"""
    WORKFLOW_FAILED = 10
    """the watched workflow failed"""
    WORKFLOW_CANCELLED = 11
    """the watched workflow was cancelled"""


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
