"""Holds: what is kept from starting. Every claim of jobs reads them (``jobs/outbox.py``), and every
sender reads them again after its claim (``engine/holds.py``), so they outlive every process."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from workflows.model.errors import NotFound
from workflows.rules.holds import Hold, Mode, Scope
from workflows.store import documents
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, Row, collection, translate_errors
from workflows.store.templates.references import made_from

IN_FORCE: Final[Row] = {
    "$or": [{"until": None}, {"$expr": {"$gt": ["$until", NOW]}}],
}
"""A hold whose time is over is none, also before MongoDB has deleted it."""


_WIDE: Final = [Scope.GLOBAL, Scope.APP, Scope.TEMPLATE]
"""The scopes in which admins hold the work of all users."""
_OF_WORKFLOW: Final = (Scope.BATCH, Scope.TEMPLATE)
"""Scopes by what stands in a job's workflow, and not in the job."""


def present() -> list[Hold]:
    """Every hold that lasts, the oldest first."""
    return _find({})


def concerning(owner: str, *, workflow: str = "", batch: str = "") -> list[Hold]:
    """Those on everything, on an app or a template, on this user, this workflow and its batch."""
    chosen: list[Row] = [
        {"scope": {"$in": _WIDE}},
        {"scope": Scope.USER, "target": owner},
    ]
    if workflow:
        chosen.append({"scope": Scope.WORKFLOW, "target": workflow})
    if batch:
        chosen.append({"scope": Scope.BATCH, "target": batch})
    return _find({"$or": chosen})


def visible_to(owner: str) -> list[Hold]:
    """Those that concern the user in any way, or that the user has set."""
    return _find(
        {
            "$or": [
                {"scope": {"$in": _WIDE}},
                {"scope": Scope.USER, "target": owner},
                {"owner": owner},
                {"by": owner},
            ]
        }
    )


def on_workflow(workflow: str, batch: str, template: str) -> list[Hold]:
    """Those on a workflow, on its batch if it is of one, and on the template that it was made from,
    ``name@version``; empty: on none."""
    found = on_target(Scope.WORKFLOW, workflow)
    found += on_target(Scope.BATCH, batch) if batch else []
    names = {template, template.partition("@")[0]}
    return found + on_targets(Scope.TEMPLATE, names) if template else found


def on_target(scope: Scope, target: str) -> list[Hold]:
    return on_targets(scope, [target])


def on_targets(scope: Scope, targets: Collection[str]) -> list[Hold]:
    return _find({"scope": scope, "target": {"$in": list(targets)}})


def count_set_by(user: str) -> int:
    with translate_errors():
        return int(collection(documents.Hold).count_documents({"by": user, **IN_FORCE}))


def get(hold: str) -> Hold:
    """Raises ``NotFound``."""
    found = _find({"_id": hold})
    if not found:
        raise NotFound(f"There is no hold '{hold}'.")
    return found[0]


def insert(  # noqa: PLR0913 - a hold is all of these
    scope: Scope,
    target: str,
    mode: Mode,
    reason: str,
    *,
    by: str,
    owner: str = "",
    until: datetime | None = None,
) -> Hold:
    """Store a hold; from the moment that this returns every reader sees it. ``owner``: whose
    workflow or batch it concerns."""
    fields: Row = {
        "scope": str(scope),
        "target": target,
        "mode": str(mode),
        "reason": reason,
        "by": by,
        **({"owner": owner} if owner else {}),
        **({"until": until} if until else {}),
    }
    hold = f"hold_{uuid4().hex}"
    check_insert(documents.Hold, {"_id": hold, **fields}, ("created_at",))
    literal = {name: {"$literal": value} for name, value in fields.items()}
    with translate_errors():
        collection(documents.Hold).update_one(
            {"_id": hold}, [{"$set": {**literal, "created_at": NOW}}], upsert=True
        )
    return get(hold)


def delete(holds: Collection[str]) -> int:
    """Returns how many there were."""
    with translate_errors():
        result = collection(documents.Hold).delete_many({"_id": {"$in": list(holds)}})
    return int(result.deleted_count)


def _find(condition: Row) -> list[Hold]:
    with translate_errors():
        rows = collection(documents.Hold).find({"$and": [condition, IN_FORCE]})
        return [from_row(row) for row in rows.sort("created_at", 1)]


def stage() -> Row:
    """A stage that adds every hold that lasts to the rows of another question, for ``from_row``;
    no other row has a ``scope``."""
    pipeline = [{"$match": IN_FORCE}, {"$sort": {"created_at": 1}}]
    return {"$unionWith": {"coll": collection(documents.Hold).name, "pipeline": pipeline}}


def from_row(row: Row) -> Hold:
    return Hold(
        row["_id"],
        Scope(row["scope"]),
        row["target"],
        Mode(row["mode"]),
        row.get("reason") or "",
        row["by"],
        row["created_at"],
        row.get("until"),
    )


def job_stages(holds: Sequence[Hold]) -> list[Row]:
    """Stages of an aggregation over jobs that leave out those that a hold keeps from starting.

    ``rules.holds.stops`` says the same of one job; a test compares the two.
    """
    if not holds:
        return []
    stages: list[Row] = [{"$match": {"$nor": [_match_stopped(hold) for hold in holds]}}]
    if any(hold.mode is Mode.DRAIN or hold.scope in _OF_WORKFLOW for hold in holds):
        stages.insert(0, _workflow_of_job())
        stages.append({"$unset": _OF})
    return stages


_OF: Final = "of"


def _workflow_of_job() -> Row:
    fields = {"batch": 1, "template": 1, "started_at": 1, "taken_up_at": 1}
    return {
        "$lookup": {
            "from": collection(documents.Workflow).name,
            "localField": "workflow",
            "foreignField": "_id",
            "pipeline": [{"$project": fields}],
            "as": _OF,
        }
    }


def _match_stopped(hold: Hold) -> Row:
    covered: Row = {
        Scope.GLOBAL: {},
        Scope.USER: {"owner": hold.target},
        Scope.APP: {"app": hold.target},
        Scope.BATCH: {f"{_OF}.batch": hold.target},
        Scope.TEMPLATE: made_from(hold.target, f"{_OF}.template"),
        Scope.WORKFLOW: {"workflow": hold.target},
    }[hold.scope]
    if hold.mode is Mode.HOLD:
        return covered
    late: list[Row] = [
        {f"{_OF}.started_at": None},
        {f"{_OF}.started_at": {"$gt": hold.created_at}},
        {f"{_OF}.taken_up_at": {"$gt": hold.created_at}},
    ]
    return {**covered, "$or": late}
