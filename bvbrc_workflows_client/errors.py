"""What may go wrong, as exceptions; those of the API carry its problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and how to correct it."""

    path: str
    """Where, such as ``steps[1].params.contigs``; empty for the whole."""
    code: str
    """A stable word: see docs/errors.md."""
    message: str
    suggestion: str

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        hint = f" {self.suggestion}" if self.suggestion else ""
        return f"{place}{self.message} ({self.code}).{hint}"


class WorkflowsError(Exception):
    """All that this client raises, but for ``TimeoutError`` of waits."""


class BadAddress(WorkflowsError):
    """The engine's URL is no web address."""


class NotTheEngine(WorkflowsError):
    """A server answered that is not the workflow engine."""


class ConnectionLost(WorkflowsError):
    """The engine could not be reached, or its answer was lost or incomplete. Whether it did what it
    was asked for is not known; the same request under the same idempotency key is safe to repeat.
    """


class Refused(WorkflowsError):
    """The API refused a request: ``status`` is HTTP's, ``errors`` are its problems as they came."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after: float | None = None,
    ) -> None:
        self.status: Final = status
        self.detail: Final = detail
        self.errors: Final = tuple(dict(each) for each in errors)
        self.retry_after: Final = retry_after
        """Seconds after which the same request may be answered; None if the API does not say."""
        super().__init__(detail)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Each problem with its path, its code and a suggestion."""
        names = ("path", "code", "message", "suggestion")
        return tuple(
            Problem(*(str(each.get(name) or "") for name in names)) for each in self.errors
        )

    def __str__(self) -> str:
        return "\n".join([self.detail, *(f"- {each}" for each in self.problems)])


class Invalid(Refused):
    """The request or the workflow in it is wrong, or too large (400, 413, 415)."""


class Unauthenticated(Refused):
    """The token is missing, bad or expired (401)."""


class Forbidden(Refused):
    """It belongs to another user (403)."""


class NotFound(Refused):
    """There is no such thing (404)."""


class Conflict(Refused):
    """Its state does not allow that, or a quota of what is stored is used up (409)."""


class TooManyRequests(Refused):
    """A quota is used up for now (429)."""


class Unavailable(Refused):
    """The engine, or a service that it needs, is away (502, 503, 504)."""


_BY_STATUS: Final[Mapping[int, type[Refused]]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    415: Invalid,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def refusal(
    status: int,
    detail: str,
    errors: Sequence[Mapping[str, Any]] = (),
    retry_after: float | None = None,
) -> Refused:
    """The exception for an HTTP status that is no success."""
    return _BY_STATUS.get(status, Refused)(status, detail, errors, retry_after)


class RunFailed(WorkflowsError):
    """A workflow or batch that was waited for failed or was cancelled; ``answer`` is its last
    status as the API gave it."""

    def __init__(self, identifier: str, answer: Mapping[str, Any]) -> None:
        self.id: Final = identifier
        self.answer: Final = dict(answer)
        reason = answer.get("error_message") or answer.get("message") or ""
        super().__init__(": ".join(filter(None, (f"{identifier} {self.state}", reason))))

    @property
    def state(self) -> str:
        """``failed`` or ``cancelled``."""
        return str(self.answer["status"])
