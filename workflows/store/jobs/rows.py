"""Jobs in MongoDB: the reads and writes of an advance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from workflows.model.job_moves import FINAL_JOB
from workflows.model.states import JobState
from workflows.model.values import APPSERVICE, Basis, Job, Outcome, Reused, job_key
from workflows.rules.outages import FinishedStep
from workflows.store import documents
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, UNREADABLE, Row, collection, sound, translate_errors

BULKY: Final[Row] = {"evidence": 0, "outputs_seen": 0, "basis.inputs": 0}
"""What may be large and few ask for, as a projection leaves it out."""


@dataclass(frozen=True, slots=True)
class OpenJobs:
    """The jobs of one workflow that are not settled."""

    jobs: tuple[Job, ...] = ()
    defect: Exception | None = None
    """Why one of them cannot be read; then ``jobs`` is empty."""


def open_jobs(workflows: Iterable[str]) -> dict[str, OpenJobs]:
    """The open jobs of each workflow that has some, without what was sent."""
    found: dict[str, list[Row]] = defaultdict(list)
    with translate_errors():
        for each in collection(documents.Job).find(
            {"workflow": {"$in": list(workflows)}, "open": True}, {"params": 0, **BULKY}
        ):
            found[each["workflow"]].append(each)
    return {workflow: _read_open(rows) for workflow, rows in found.items()}


def _read_open(rows: Sequence[Row]) -> OpenJobs:
    """One job that cannot be read makes its workflow wait, and no other."""
    try:
        return OpenJobs(tuple(map(value, rows)))
    except UNREADABLE as defect:
        return OpenJobs(defect=defect)


def with_unprocessed_changes(workflows: Iterable[str]) -> list[str]:
    """The workflows among these that have unprocessed changes."""
    query = {"workflow": {"$in": list(workflows)}, "open": True, "changed_at": {"$type": "date"}}
    with translate_errors():
        return list(collection(documents.Job).distinct("workflow", query))


def discard_changes(workflow: str, until: datetime) -> None:
    """Discards the workflow's unprocessed changes: resuming it reads all jobs."""
    with translate_errors():
        collection(documents.Job).update_many(
            {"workflow": workflow, "open": True, "changed_at": {"$lte": until}},
            {"$unset": {"changed_at": ""}},
        )


def of_workflow(workflow: str) -> list[Job]:
    """Every attempt of every step, in order."""
    return _read_jobs(workflow, BULKY)


def history(workflow: str) -> list[Job]:
    """Every attempt of every step, in order, without what was sent."""
    return _read_jobs(workflow, {"params": 0, **BULKY})


def _read_jobs(workflow: str, projection: Row) -> list[Job]:
    with translate_errors():
        rows = (
            collection(documents.Job)
            .find({"_id": {"$gte": f"{workflow}/", "$lt": f"{workflow}0"}}, projection)
            .sort([("step", 1), ("attempt", 1)])
        )
        return [value(each) for each in rows]


def get(workflow: str, step: int, attempt: int) -> Job | None:
    """One attempt of a step."""
    with translate_errors():
        row = collection(documents.Job).find_one({"_id": job_key(workflow, step, attempt)}, BULKY)
    return value(row) if row else None


Attempts = Collection[tuple[int, int]]
"""Of a workflow: indexes of steps, each with the number of an attempt."""


def ids_of(workflow: str, among: Attempts | None = None) -> dict[tuple[int, int], str]:
    """AppService ids by step index and attempt, of those that have one."""
    with translate_errors():
        rows = collection(documents.Job).find(
            {**_of(workflow, among), "job_id": {"$type": "string"}},
            {"step": 1, "attempt": 1, "job_id": 1},
        )
        return {(each["step"], each["attempt"]): each["job_id"] for each in rows}


def sources_of(workflow: str) -> dict[tuple[int, int], str]:
    """By step index and attempt, the keys of the jobs whose results were taken."""
    with translate_errors():
        rows = collection(documents.Job).find(
            {
                "_id": {"$gte": f"{workflow}/", "$lt": f"{workflow}0"},
                "reused.source": {"$type": "string"},
            },
            {"step": 1, "attempt": 1, "reused.source": 1},
        )
        return {(each["step"], each["attempt"]): each["reused"]["source"] for each in rows}


def failures_of(workflow: str, among: Attempts | None = None) -> dict[tuple[int, int], str]:
    """Why attempts failed, by step index and attempt."""
    failed = {"$or": [{"outcome": {"$in": [Outcome.FAILED, Outcome.LOST]}},
                      {"state": JobState.REJECTED}]}  # fmt: skip
    with translate_errors():
        rows = collection(documents.Job).find(
            {**_of(workflow, among), **failed}, {"step": 1, "attempt": 1, "reason": 1}
        )
        return {(each["step"], each["attempt"]): each.get("reason") or "" for each in rows}


def _of(workflow: str, among: Attempts | None) -> Row:
    """The jobs of a workflow; of these attempts alone, where any are given."""
    if among is None:
        return {"_id": {"$gte": f"{workflow}/", "$lt": f"{workflow}0"}}
    return {"_id": {"$in": [job_key(workflow, step, attempt) for step, attempt in among]}}


def waiting_time(job: Job) -> timedelta:
    """How long ago the job was first to be sent."""
    with translate_errors():
        rows = collection(documents.Job).aggregate(
            [
                {"$match": {"_id": job.key}},
                {"$project": {"waited": {"$subtract": [NOW, "$intended_at"]}}},
            ]
        )
        return timedelta(milliseconds=next(iter(rows))["waited"])


def results_of(workflow: str, keys: Iterable[str]) -> dict[int, Row]:
    """Outputs known only at run time, by step index, of the named jobs that succeeded."""
    with translate_errors():
        rows = collection(documents.Job).find(
            {"_id": {"$in": list(keys)}, "workflow": workflow, "outcome": Outcome.SUCCEEDED},
            {"step": 1, "results": 1},
        )
        return {each["step"]: each.get("results") or {} for each in rows}


def finished_steps(workflow: str) -> list[FinishedStep]:
    """What the jobs of a workflow that succeeded were asked for and reported."""
    with translate_errors():
        rows = collection(documents.Job).find(
            {
                "_id": {"$gte": f"{workflow}/", "$lt": f"{workflow}0"},
                "outcome": Outcome.SUCCEEDED,
            },
            {"params.output_path": 1, "params.output_file": 1, "results": 1},
        )
        return [FinishedStep(each.get("params") or {}, each.get("results") or {}) for each in rows]


def row(job: Job, now: datetime) -> Row:
    """A new job as it is stored."""
    made = {
        "_id": job.key,
        "workflow": job.workflow,
        "step": job.step,
        "attempt": job.attempt,
        "retries_left": job.retries_left,
        "owner": job.owner,
        "app": job.app,
        "backend": job.backend,
        "params": dict(job.params),
        "base_url": job.base_url,
        "state": str(job.state),
        "version": 0,
        "open": True,
        "tries": 0,
        "request_id": job.request_id,
    } | _optional(job, now)
    check_insert(documents.Job, made)
    return made


def _optional(job: Job, now: datetime) -> Row:
    made: Row = {"globs": dict(job.globs)} if job.globs else {}
    if job.priority:
        made["priority"] = job.priority
    if job.state is JobState.CHECKING:
        made |= {"reuse_due": now, "reuse_until": job.reuse_until}
    return made | ({"changed_at": now, "reason": job.reason} if job.state in FINAL_JOB else {})


def basis_row(basis: Basis) -> Row:
    """As it is stored. Paths are no names of fields: they hold dots."""
    inputs = [{"path": path, "holds": dict(found)} for path, found in basis.inputs.items()]
    kept = {"key": basis.key, "specification": basis.specification, "inputs": inputs}
    return kept | ({"epoch": basis.epoch} if basis.epoch else {})


def _read_basis(row: Row) -> Basis:
    inputs = {each["path"]: each["holds"] for each in row.get("inputs", ())}
    return Basis(row["key"], row["specification"], row.get("epoch", ""), inputs)


def _read_reused(row: Row) -> Reused:
    return Reused(**{name: row[name] for name in Reused.__slots__})


def of_backends(backends: Collection[str]) -> Row:
    """The part of a query that asks for jobs of these backends; of all where none are named."""
    return {"backend": {"$in": sorted(backends)}} if backends else {}


def readable(each: Row) -> Job | None:
    """The same as ``value``; None for an unreadable row, so that it does not delay others."""
    return sound(each, value)


_TIMES = (
    "intended_at",
    "sent_at",
    "absent_after",
    "submitted_at",
    "started_at",
    "finished_at",
)


def value(each: Row) -> Job:
    """The domain's value of a stored row; raises ``UNREADABLE`` where it makes no sense."""
    outcome: Any = each.get("outcome")
    times: dict[str, Any] = {name: each.get(name) for name in _TIMES}
    return Job(
        key=each["_id"],
        workflow=each["workflow"],
        step=each["step"],
        attempt=each["attempt"],
        owner=each["owner"],
        app=each["app"],
        backend=each.get("backend") or APPSERVICE,
        params=each.get("params") or {},
        base_url=each.get("base_url") or "",
        state=JobState(each["state"]),
        retries_left=each.get("retries_left", 0),
        priority=each.get("priority", 0),
        version=each.get("version", 0),
        unprocessed=each.get("changed_at") is not None,
        announced=bool(each.get("announced")),
        claim=each.get("claim") or "",
        tries=each.get("tries", 0),
        refusals=each.get("refusals", 0),
        refused_since=each.get("refused_since"),
        in_doubt=bool(each.get("in_doubt")),
        answered=bool(each.get("answered")),
        job_id=each.get("job_id") or "",
        outcome=Outcome(outcome) if outcome else None,
        reason=each.get("reason") or "",
        results=each.get("results") or {},
        globs=each.get("globs") or {},
        failing=each.get("evidence_due") is not None,
        exit_code=each.get("exit_code"),
        cluster_status=each.get("cluster_status") or "",
        kill=bool(each.get("kill")),
        kill_reply=each.get("kill_reply") or "",
        request_id=each.get("request_id") or "",
        **_read_reuse(each),
        **times,
    )


def _read_reuse(each: Row) -> dict[str, Any]:
    """What the job says of reuse: what its result rests on, what it took, why it took nothing."""
    return {
        "basis": _read_basis(each["basis"]) if each.get("basis") else None,
        "reuse_until": each.get("reuse_until"),
        "reused": _read_reused(each["reused"]) if each.get("reused") else None,
        "miss": each.get("reuse_miss") or {},
    }
