"""MongoDB's guard and update of every move of a job, made from the table ``model.job_moves``.

Theory of operation. A row of ``jobs`` is one attempt of a step: outbox, polling index and receipt.
*checking*: an earlier result that it may reuse is being looked for (``store/reuse``). *intended*:
no process is sending it. *sending*: a sender holds a claim on it, or its answer is lost (in doubt);
AppService may have it or not. *active*: AppService has it under ``job_id``. *done*, *rejected*,
*withdrawn*: nothing follows. An advance of the workflow inserts a row and withdraws or condemns it
(``rows``); the holder of the claim writes what became of a submission (``send_results``), a look-up
only where that holder is silent (``lookups``), a poll where the job is active (``polling``). No
lock is held between reading and writing: each write repeats in its guard what the writer believes
(state and fence), is atomic for one row, and matches nothing where that no longer holds.
``version`` counts what a reader may have decided upon, ``changed_at`` is set until the workflow has
processed the change. A crash before a write leaves the row as it was, with the time in ``due``,
``kill_due``, ``results_due``, ``evidence_due``, ``reuse_due`` or ``seen_due`` at which another
process takes it; a crash after it leaves ``changed_at``, which the sweep finds. A crash between a
call of AppService and its record leaves *sending*: the look-up finds the job by its key or believes
it absent after the grace.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from workflows.model.errors import IllegalMove
from workflows.model.job_moves import FINAL_JOB, Fence, Mark, Transition
from workflows.model.values import Job
from workflows.store.mongo import DUE, NOW, Row, has_come

_AS_READ: Final = (Fence.CLAIM, Fence.VERSION)
"""Fences that compare with what was read."""
_CONDITIONS: Final[Mapping[Fence, Row]] = {
    Fence.DUE: {"$expr": DUE},
    Fence.KILL_DUE: has_come("kill_due"),
    Fence.RESULTS_DUE: has_come("results_due"),
    Fence.EVIDENCE_DUE: has_come("evidence_due"),
    Fence.REUSE_DUE: has_come("reuse_due"),
    Fence.REUSE_OVER: has_come("reuse_until"),
    Fence.REUSE_PARKED: {"reuse_due": None},
    Fence.SEEN_DUE: has_come("seen_due"),
    Fence.PARKED: {"due": None},
    Fence.GRACE_OVER: {"$expr": {"$lte": ["$absent_after", "$looked_at"]}},
}


def guard(move: Transition, keys: Collection[str] | None = None, **as_read: Any) -> Row:
    """The query for the rows that may make the move: of these jobs, or of any. ``as_read`` are the
    values that the entry's fence compares with. Raises ``IllegalMove`` where one is missing.
    """
    expected = {str(each) for each in move.fence if each in _AS_READ}
    if set(as_read) != expected:
        raise IllegalMove(f"'{move.name}' is fenced by {sorted(expected)}, not {sorted(as_read)}")
    query: Row = {"_id": _one_of(list(keys))} if keys is not None else {}
    query["state"] = _one_of([str(state) for state in move.sources])
    for fence in move.fence:
        query |= _CONDITIONS.get(fence, {})
    return query | as_read


def guard_of(move: Transition, job: Job) -> Row:
    """The query for this one job as it was read."""
    as_read = {str(each): getattr(job, each) for each in move.fence if each in _AS_READ}
    return guard(move, [job.key], **as_read)


def update(move: Transition, fields: Row | None = None, unset: Collection[str] = ()) -> list[Row]:
    """The aggregation that makes the move: ``fields`` are expressions, so a text from outside must
    be a literal. Raises ``IllegalMove`` for a field that the entry does not name.
    """
    fields = fields or {}
    if foreign := {*fields, *unset}.difference(move.fields):
        raise IllegalMove(f"'{move.name}' does not write {sorted(foreign)}")
    written = {**fields, **_state(move), **_mark(move)}
    # A job that has ended needs no kill; a kill that stays due would keep its workflow for ever.
    removed = [*unset, *(["kill_due"] if move.targets & FINAL_JOB else [])]
    stages: list[Row] = [{"$set": written}] if written else []
    return [*stages, {"$unset": removed}] if removed else stages


def _one_of(values: list[str]) -> object:
    return values[0] if len(values) == 1 else {"$in": values}


def _state(move: Transition) -> Row:
    if move.target is None:
        return {}
    if move.target_if_unwanted is None:
        return {"state": str(move.target)}
    unwanted = str(move.target_if_unwanted)
    return {"state": {"$cond": ["$kill", unwanted, str(move.target)]}}


def _mark(move: Transition) -> Row:
    if move.mark is Mark.NONE:
        return {}
    version: Row = {"version": {"$add": ["$version", 1]}}
    if move.mark is Mark.PROCESS:
        return {**version, "changed_at": NOW}
    if move.target_if_unwanted:
        return {**version, "changed_at": {"$cond": ["$kill", NOW, "$changed_at"]}}
    return version
