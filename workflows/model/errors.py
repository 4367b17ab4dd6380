"""Every exception of the domain, drawn as a tree: each class says what may be done next.

WorkflowsError
├── Invalid              the user's to fix; carries every problem with its path
│   └── Unresolved       a ${…} has no value, so that nothing may be sent
├── NotFound             no such workflow, step or text
│   └── UnknownApp           no such app; names those that resemble it
├── Forbidden            it exists, but belongs to another user
├── Conflict             the present state does not allow it
│   └── FaultyPlan           a plan with problems cannot start; carries them
├── TooManyRequests      the user has too many requests under way: repeat when one has ended
├── Unavailable          a part of ours (MongoDB, broker) is away: repeat later
├── LeaseLost            another process took this workflow over; stop writing
├── IllegalMove          a state was asked to move where the table has no move (a defect of ours)
├── BadToken             the token is not genuine
│   └── TokenExpired     the token was genuine and has expired
└── ServiceError         a BV-BRC service did not carry out the call
    ├── NotSent          it never got the request: repeat at will
    ├── Withheld         a hold kept the request from leaving
    ├── InDoubt          it may have acted: look it up, never repeat blindly
    ├── ServiceAway      it answered that it cannot serve now, and did nothing: wait
    ├── Rejected         it refused, and will again: the user's to fix
    │   └── MethodMissing    this deployment of it does not know the method: do it another way
    └── Unauthorized     it refused the token: a new one is needed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a document: its path, a message and a suggestion."""

    path: str
    """Where, e.g. ``steps[2].params.contigs``; empty for the document as a whole."""
    code: str
    """A stable word from docs/errors.md, e.g. ``unknown_app``."""
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{place}{self.message}{hint}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class WorkflowsError(Exception):
    """The root of the exceptions that the domain raises on purpose."""

    problems: tuple[Problem, ...] = ()
    """The reasons, where there are several or each has a path."""


class Invalid(WorkflowsError):
    """The document cannot run; ``problems`` lists every reason, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class Unresolved(Invalid):
    """A reference has no value; the text that contains it must not leave the engine.

    ``target`` is the missing path of the document that the reference leads to, if that is the
    reason.
    """

    def __init__(self, problem: Problem, target: str = "") -> None:
        self.target = target
        super().__init__([problem])


class NotFound(WorkflowsError):
    """There is no such workflow, step or text."""


class UnknownApp(NotFound):
    """There is no such app; the suggestion names those that it may be meant for."""

    def __init__(self, name: str, suggestion: str) -> None:
        self.problems = (Problem("app", "unknown_app", f"there is no app {name!r}", suggestion),)
        hint = f"; {suggestion}" if suggestion else "."
        super().__init__(f"There is no app {name!r}{hint}")


class Forbidden(WorkflowsError):
    """It exists, but belongs to another user."""


class Conflict(WorkflowsError):
    """The present state does not allow the request."""


class FaultyPlan(Conflict):
    """A stored plan has problems, so it cannot start; ``problems`` lists them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("This plan cannot run: it has problems; submit a corrected workflow")


class TooManyRequests(WorkflowsError):
    """The user has the maximum number of requests of this kind under way or waiting."""


class Unavailable(WorkflowsError):
    """A server of ours is away; the same request may work later."""


class LeaseLost(WorkflowsError):
    """The lease ended or was taken over: nothing may be written under it."""


class IllegalMove(WorkflowsError):
    """The table has no such move: a defect of ours."""


class BadToken(WorkflowsError):
    """The token is malformed, forged, or signed by an untrusted signer."""


class TokenExpired(BadToken):
    """A genuine token whose time is over."""


class ServiceError(WorkflowsError):
    """A BV-BRC service did not carry out the call. The message never holds a token."""


class NotSent(ServiceError):
    """The request never reached the service: repeating it is safe."""


class Withheld(ServiceError):
    """The request was not sent because a hold was set: nothing is wrong with the service."""


class InDoubt(ServiceError):
    """The service may have acted: look the outcome up before repeating the call.

    ``answered`` is true where the service itself said that its call is over (so that nothing of it
    still runs there), false where the answer was lost on the way. ``overload`` is true for a
    time-out and for HTTP 5xx of a proxy: too many calls may be under way.
    """

    def __init__(self, message: str, *, answered: bool = False, overload: bool = False) -> None:
        self.answered = answered
        self.overload = overload
        super().__init__(message)


class ServiceAway(ServiceError):
    """The service said that it cannot serve now and has done nothing: wait, then repeat.

    ``disabled`` is true where submissions are switched off on purpose (maintenance).
    """

    def __init__(self, message: str, *, disabled: bool = False) -> None:
        self.disabled = disabled
        super().__init__(message)


class Rejected(ServiceError):
    """The service refused and did nothing; the text is for the user to act on.

    ``maybe_transient`` is true where the same text also stands for an outage behind the service (a
    Workspace that is away reads like a missing input file): ask whether the inputs exist.
    """

    def __init__(self, message: str, *, maybe_transient: bool = False) -> None:
        self.maybe_transient = maybe_transient
        super().__init__(message)


class MethodMissing(Rejected):
    """This deployment of the service does not have the method."""


class Unauthorized(ServiceError):
    """The service refused the token; only a new one helps.

    ``by_service`` is false if the service was not asked, as with a token that has expired: such a
    refusal is not stored.
    """

    def __init__(self, message: str, *, by_service: bool = True) -> None:
        self.by_service = by_service
        super().__init__(message)
