"""The moves of a job: each change of a stored job that depends on its state has an entry here.

An entry says from which states it may be made, to which it leads, and what must still be as it was
read (its *fence*). ``store/jobs/transitions.py`` makes MongoDB's guard and update from an entry, so
a move that has none cannot be written. ``JOB_MOVES`` and docs/states.md follow from the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflows.model.states import JobState

CHECKING = JobState.CHECKING
INTENDED, SENDING, ACTIVE = JobState.INTENDED, JobState.SENDING, JobState.ACTIVE
DONE, REJECTED, WITHDRAWN = JobState.DONE, JobState.REJECTED, JobState.WITHDRAWN


class Fence(StrEnum):
    """What must hold of the stored job besides its state, or nothing is written."""

    CLAIM = "claim"  # it is still being sent under the claim that it was read with
    VERSION = "version"  # it has not changed since it was read
    DUE = "due"  # the time named by `due` has come
    KILL_DUE = "kill_due"  # the time named by `kill_due` has come
    RESULTS_DUE = "results_due"  # the time named by `results_due` has come
    EVIDENCE_DUE = "evidence_due"  # the time named by `evidence_due` has come
    REUSE_DUE = "reuse_due"  # the time named by `reuse_due` has come
    REUSE_OVER = "reuse_over"  # the time named by `reuse_until` has come
    REUSE_PARKED = "reuse_parked"  # it has no `reuse_due`: it waits for a token
    SEEN_DUE = "seen_due"  # the time named by `seen_due` has come
    PARKED = "parked"  # it has no `due`: it waits for a token
    GRACE_OVER = "grace_over"  # the look-up was begun after `absent_after`


class Mark(StrEnum):
    """What a move tells those who read the job before it was made."""

    PROCESS = "process"  # the version counts it and the workflow must process it (`changed_at`)
    COUNT = "count"  # the version counts it
    NONE = "none"  # it changes nothing that a decision was made from


@dataclass(frozen=True, slots=True)
class Transition:
    """One move. ``fields`` are those that it may write or remove, besides ``state``, ``version``,
    ``changed_at`` and ``kill_due``, which follow from the entry."""

    name: str
    sources: tuple[JobState, ...]
    target: JobState | None
    """The state afterwards; None where it stays as it is."""
    fence: tuple[Fence, ...] = ()
    fields: tuple[str, ...] = ()
    mark: Mark = Mark.PROCESS
    target_if_unwanted: JobState | None = None
    """The state afterwards of a job that its workflow no longer wants (``kill``)."""

    @property
    def targets(self) -> frozenset[JobState]:
        return frozenset({self.target, self.target_if_unwanted} - {None})  # type: ignore[arg-type]


_ANSWER = ("reason", "in_doubt")
_START = (*_ANSWER, "submitted_at", "due", "job_id")
_REFUSAL = ("refusals", "refused_since")
_BACK = (*_ANSWER, "due", "tries", "claim", "absent_after", "answered")
_FAILURE = ("evidence_due", "evidence_until")
_SEEN = ("started_at", "finished_at", "missing_since", "results_due", "word", *_FAILURE)
_ABSENT = (Fence.CLAIM, Fence.VERSION, Fence.GRACE_OVER)
_LOOKED = ("reuse_due", "reuse_until", "basis")
_MISSED = (*_LOOKED, "reuse_miss")

TAKE_CHECK: Final = Transition(
    "take to look for a result",
    (CHECKING,),
    None,
    (Fence.REUSE_DUE,),
    ("reuse_due", "reuse_until"),
    Mark.NONE,
)
CHECK_LATER: Final = Transition(
    "look for a result later", (CHECKING,), None, (), _LOOKED, Mark.NONE
)
PARK_CHECK: Final = Transition(
    "look for a result once there is a token",
    (CHECKING,),
    None,
    (),
    ("reuse_due", "reuse_until"),
    Mark.NONE,
)
UNPARK_CHECK: Final = Transition(
    "look for a result again", (CHECKING,), None, (Fence.REUSE_PARKED,), ("reuse_due",), Mark.NONE
)
REUSE: Final = Transition(
    "reuse a result",
    (CHECKING,),
    DONE,
    (),
    (*_LOOKED, "outcome", "reason", "results", "reused", "sent_at", "finished_at"),
)
MISS: Final = Transition("run it after all", (CHECKING,), INTENDED, (), _MISSED, Mark.COUNT)
STOP_CHECK: Final = Transition(
    "run it since the look-up takes too long",
    (CHECKING,),
    INTENDED,
    (Fence.REUSE_OVER,),
    _MISSED,
    Mark.COUNT,
)

CLAIM: Final = Transition(
    "claim for sending",
    (INTENDED,),
    SENDING,
    (Fence.VERSION,),
    ("claim", "sent_at", "due", "absent_after"),
    Mark.COUNT,
)
REVOKE_CLAIM: Final = Transition(
    "revoke an unused claim", (INTENDED,), None, (Fence.VERSION,), mark=Mark.COUNT
)
WITHDRAW: Final = Transition("withdraw from the outbox", (CHECKING, INTENDED), WITHDRAWN)
PARK: Final = Transition("park without a token", (INTENDED,), None, (), ("due",), Mark.NONE)
UNPARK: Final = Transition(
    "return to the queue", (INTENDED,), None, (Fence.PARKED,), ("due",), Mark.NONE
)

START: Final = Transition("start", (SENDING,), ACTIVE, (Fence.CLAIM,), (*_START, "basis"))
FINISH: Final = Transition(
    "finish a built-in step",
    (SENDING,),
    DONE,
    (Fence.CLAIM,),
    (*_ANSWER, "outcome", "results", "started_at", "submitted_at", "finished_at"),
)
REJECT: Final = Transition(
    "reject", (SENDING,), REJECTED, (Fence.CLAIM,), (*_ANSWER, "finished_at")
)
WITHDRAW_CLAIMED: Final = Transition(
    "withdraw before it is sent", (SENDING,), WITHDRAWN, (Fence.CLAIM,), _ANSWER
)
PUT_BACK: Final = Transition(
    "put back unsent",
    (SENDING,),
    INTENDED,
    (Fence.CLAIM,),
    (*_BACK, *_REFUSAL),
    Mark.COUNT,
    target_if_unwanted=WITHDRAWN,
)
DOUBT: Final = Transition(
    "note a lost answer",
    (SENDING,),
    None,
    (Fence.CLAIM,),
    (*_ANSWER, *_REFUSAL, "due", "absent_after", "answered"),
    Mark.COUNT,
)

TAKE_LOOKUP: Final = Transition(
    "take for a look-up",
    (SENDING,),
    None,
    (Fence.DUE,),
    ("due", "looked_at", "in_doubt"),
    Mark.COUNT,
)
LOOK_AGAIN: Final = Transition(
    "look it up sooner", (SENDING,), None, (Fence.VERSION,), ("due",), Mark.NONE
)
ADOPT: Final = Transition("adopt what was started", (SENDING, INTENDED), ACTIVE, (), _START)
SEND_AGAIN: Final = Transition(
    "send again what is absent",
    (SENDING,),
    INTENDED,
    _ABSENT,
    _BACK,
    Mark.COUNT,
    target_if_unwanted=WITHDRAWN,
)
WITHDRAW_ABSENT: Final = Transition(
    "withdraw what is absent", (SENDING,), WITHDRAWN, _ABSENT, _ANSWER
)
GIVE_UP: Final = Transition(
    "reject what is absent", (SENDING,), REJECTED, _ABSENT, (*_ANSWER, "finished_at")
)

REPORT: Final = Transition(
    "report progress",
    (ACTIVE,),
    None,
    (),
    _SEEN,
)
NOTE: Final = Transition(
    "note what a poll saw",
    (ACTIVE,),
    None,
    (),
    _SEEN,
    Mark.NONE,
)
END: Final = Transition(
    "end",
    (ACTIVE,),
    DONE,
    (),
    (
        "outcome",
        "reason",
        "results",
        "results_due",
        "started_at",
        "finished_at",
        "missing_since",
        "exit_code",
        "cluster_status",
        "evidence",
        "seen_due",
        *_FAILURE,
    ),
)
TAKE_RESULTS: Final = Transition(
    "take to note what it left", (DONE,), None, (Fence.SEEN_DUE,), ("seen_due",), Mark.NONE
)
NOTE_LATER: Final = Transition(
    "note later what it left", (DONE,), None, (), ("seen_due",), Mark.NONE
)
NOTE_RESULTS: Final = Transition(
    "note what it left",
    (DONE,),
    None,
    (),
    ("seen_due", "outputs_seen", "reuse_key"),
    Mark.NONE,
)
TAKE_SEARCH: Final = Transition(
    "take for an output search",
    (ACTIVE,),
    None,
    (Fence.RESULTS_DUE,),
    ("results_due",),
    Mark.NONE,
)
EXPLAIN_SEARCH: Final = Transition(
    "say why outputs are not known", (ACTIVE,), None, (), ("reason",), Mark.NONE
)
TAKE_FAILURE: Final = Transition(
    "take to ask why it failed",
    (ACTIVE,),
    None,
    (Fence.EVIDENCE_DUE,),
    ("evidence_due",),
    Mark.NONE,
)
ASK_AGAIN: Final = Transition(
    "ask again why it failed", (ACTIVE,), None, (), ("evidence_due",), Mark.NONE
)

REQUEST_KILL: Final = Transition(
    "request its kill", (SENDING, ACTIVE), None, (), ("kill", "kill_due"), Mark.COUNT
)
TAKE_KILL: Final = Transition(
    "take for a kill", (ACTIVE,), None, (Fence.KILL_DUE,), ("kill_due", "kill_asks"), Mark.NONE
)
RETRY_KILL: Final = Transition(
    "kill again later", (ACTIVE,), None, (), ("kill_due", "kill_reply"), Mark.NONE
)
CONCLUDE_KILL: Final = Transition(
    "note the end of a kill", (ACTIVE, DONE), None, (), ("kill_due", "kill_reply"), Mark.NONE
)

TRANSITIONS: Final = tuple(
    value for value in list(globals().values()) if isinstance(value, Transition)
)
"""Every move there is."""

JOB_MOVES: Final[Mapping[JobState, frozenset[JobState]]] = {
    state: frozenset[JobState]().union(
        *(each.targets for each in TRANSITIONS if state in each.sources)
    )
    for state in JobState
}
"""Which states may follow each."""

FINAL_JOB: Final = frozenset(state for state, moves in JOB_MOVES.items() if not moves)
