"""Classifies the JSON-RPC errors of BV-BRC's services by what the caller may do next.

Every error has HTTP status 500 and most have code -32603, those of authentication too: the head of
the message is all there is to tell them apart (Service.pm: call_method; captures 005 to 320).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from workflows.bvbrc.safe_text import message
from workflows.model.errors import (
    InDoubt,
    MethodMissing,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
)

METHOD_MISSING: Final = -32601
MALFORMED: Final = frozenset({-32700, -32300, -32600, -32602})
"""The request itself was wrong: a defect of ours, and nothing was done."""

Meaning = Callable[[str], ServiceError]

HEADS: Final[tuple[tuple[str, Meaning], ...]] = (
    ("Authentication required for", Unauthorized),
    ("Token validation failed: Could not retrieve signer pubkey", ServiceAway),
    ("Token validation failed:", Unauthorized),
    ("Signature longer than key", Unauthorized),
    ("App service submissions are disabled", partial(ServiceAway, disabled=True)),
    ("Invalid arguments passed to", Rejected),
    ("Invalid task ID", Rejected),
    ("Command 'p3x-submit-job' not found", ServiceAway),
)
"""The beginnings of messages, to what they mean for every method; the first that fits counts."""

SUBMITTING: Final = "Error submitting job:"
CHECKED: Final = re.compile(
    "^(Errors found in parameter processing|Invalid enum value)"
    "|Invalid SRR identif"
    r"|Can't use string \(.*\) as an? (ARRAY|HASH) ref"
    "|has zero size",
    re.DOTALL,
)
"""What the service finds without asking another one, or what another one has answered: wrong
parameters, an empty file (captures 024 to 028, 031 to 033). No outage reads so."""
BACKENDS: Final = re.compile(r"DBD::|DBIx?::|DBI connect|Redis")
WORKSPACE: Final = re.compile(r"_ERROR_(.*?)_ERROR_", re.DOTALL)


def refusal(code: int, text: str, *, once: bool) -> ServiceError:
    """The exception that an error answer stands for. ``once``: the call starts something."""
    shown = message(text)
    if code == METHOD_MISSING:
        return MethodMissing(shown)
    if code in MALFORMED:
        return Rejected(shown)
    for head, meaning in HEADS:
        if shown.startswith(head):
            return meaning(shown)
    return _of_start(shown) if once else _of_read(shown)


def _of_start(shown: str) -> ServiceError:
    """Without a reason the job may exist: the tool that submits may die after its commit
    (capture 320). With one, it is the app's preflight that speaks, before anything was stored.
    """
    reason = shown.removeprefix(SUBMITTING).strip()
    if not reason:
        return InDoubt("the submission failed and the service gave no reason", answered=True)
    if not shown.startswith(SUBMITTING) or BACKENDS.search(reason):
        return InDoubt(shown, answered=True)
    return Rejected(reason, maybe_transient=not CHECKED.search(reason))


def _of_read(shown: str) -> ServiceError:
    if found := WORKSPACE.match(shown):
        return Rejected(found[1].strip())
    if "You have an error in your SQL syntax" in shown:
        return Rejected(shown)
    return ServiceAway(shown)
