"""Jobs on their way to AppService: claimed by one sender, and what became of the sending.

``claim`` runs in a transaction that every claim of every process conflicts with, so that the users'
caps hold whoever claims at the same time. Every record names the claim it was made under.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from pymongo import ReturnDocument, UpdateOne
from pymongo.client_session import ClientSession

from workflows import models
from workflows.fairness import share
from workflows.states import JobState
from workflows.store.jobs import readable
from workflows.store.mongo import NOW, Row, collection, later, transaction, translated
from workflows.workflow import Job, Outcome

_DUE: Row = {"$lte": ["$due", NOW]}
_CHANGED: Row = {"version": {"$add": ["$version", 1]}, "news": NOW}
"""Every change that the workflow must take in."""
_ENDED: Row = {**_CHANGED, "in_doubt": False}
_REFUSED: Row = {"refusals": {"$add": [{"$ifNull": ["$refusals", 0]}, 1]}}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be under way at once."""

    user_jobs: int
    """Jobs of one user that are being sent or are at AppService."""
    user_sending: int
    """Jobs of one user that are being sent."""
    lookup_after: timedelta
    """How long a sender may be silent before its submission is looked up."""
    absent_after: timedelta
    """How old a submission must be before "not found" is believed."""

    def room(self, sending: int, under_way: int) -> int:
        """How many more jobs of a user may be sent, who has so many on the way already."""
        return max(0, min(self.user_jobs - under_way, self.user_sending - sending))


def waiting() -> bool:
    """Whether anything could be sent now."""
    with translated():
        found = collection(models.Job).find_one(
            {"state": JobState.INTENDED, "$expr": _DUE}, {"_id": 1}
        )
    return found is not None


def doubtful_due() -> bool:
    """Whether any submission is due to be looked up."""
    with translated():
        found = collection(models.Job).find_one(
            {"state": JobState.SENDING, "$expr": _DUE}, {"_id": 1}
        )
    return found is not None


def claim(free: int, bounds: Bounds, apps: Collection[str] = ()) -> list[Job]:
    """Take up to ``free`` jobs to send, shared fairly between users that have a usable token; of
    these apps alone, where any are named.

    Who waits is read before the transaction: it chooses among them, and takes only those that
    still wait. The users' counts are taken inside.
    """
    waiting = _waiting(free, apps)
    if not waiting:
        return []
    token = uuid4().hex

    def work(session: ClientSession) -> list[Job]:
        chosen = _chosen(waiting, free, bounds, session)
        taken = _taken(chosen, token, bounds, session) if chosen else set()
        return [
            replace(job, state=JobState.SENDING, claim=token) for job in chosen if job.key in taken
        ]

    return transaction(work)


def _waiting(free: int, apps: Collection[str]) -> dict[str, list[Job]]:
    """The longest waiting jobs of each user who has a usable token, at most ``free`` of each."""
    with translated():
        names = collection(models.Job).distinct(
            "owner", {"state": JobState.INTENDED, **_of_apps(apps)}
        )
        owners = sorted(_with_token(names)) if names else []
        found: dict[str, list[Job]] = defaultdict(list)
        for job in _first(owners, free, apps):
            found[job.owner].append(job)
    return found


def _of_apps(apps: Collection[str]) -> Row:
    return {"app": {"$in": sorted(apps)}} if apps else {}


def _first(owners: Sequence[str], limit: int, apps: Collection[str]) -> list[Job]:
    """In one question: a pipeline for each user, so that each reads its part of the index."""
    parts: list[list[Row]] = [
        [
            {
                "$match": {
                    "state": JobState.INTENDED,
                    "owner": owner,
                    "$expr": _DUE,
                    **_of_apps(apps),
                }
            },
            {"$sort": {"due": 1}},
            {"$limit": limit},
        ]
        for owner in owners
    ]
    if not parts:
        return []
    rows = collection(models.Job)
    rest = [{"$unionWith": {"coll": rows.name, "pipeline": pipeline}} for pipeline in parts[1:]]
    found = rows.aggregate([*parts[0], *rest])
    return [job for row in found if (job := readable(row))]


def _chosen(
    waiting: Mapping[str, Sequence[Job]], free: int, bounds: Bounds, session: ClientSession
) -> list[Job]:
    """Every choice writes the one row of turns, so that of two at the same time one begins anew:
    what it counted is then no longer true."""
    collection(models.Turn).update_one(
        {"_id": "outbox"}, {"$inc": {"count": 1}}, upsert=True, session=session
    )
    sending, under_way = _counts(waiting, session)
    queues = {
        owner: [job.key for job in jobs[: bounds.room(sending[owner], under_way[owner])]]
        for owner, jobs in waiting.items()
    }
    jobs = {job.key: job for each in waiting.values() for job in each}
    return [jobs[key] for key in share(free, queues, sending)]


def _taken(chosen: Sequence[Job], token: str, bounds: Bounds, session: ClientSession) -> set[str]:
    """Mark them as being sent; the keys of those that still waited."""
    rows, keys = collection(models.Job), [job.key for job in chosen]
    marked = rows.update_many(
        {"_id": {"$in": keys}, "state": JobState.INTENDED},
        [
            {
                "$set": {
                    "state": JobState.SENDING,
                    "claim": token,
                    "sent_at": NOW,
                    "due": later(bounds.lookup_after),
                    "absent_after": later(bounds.absent_after),
                    "version": {"$add": ["$version", 1]},
                }
            }
        ],
        session=session,
    )
    if marked.modified_count == len(keys):
        return set(keys)
    mine = rows.find({"_id": {"$in": keys}, "claim": token}, {"_id": 1}, session=session)
    return {row["_id"] for row in mine}


def _counts(owners: Iterable[str], session: ClientSession) -> tuple[Counter[str], Counter[str]]:
    """How many jobs of each user are being sent, and are being sent or at AppService."""
    states = [JobState.SENDING, JobState.ACTIVE]
    groups = collection(models.Job).aggregate(
        [
            {"$match": {"state": {"$in": states}, "owner": {"$in": sorted(owners)}}},
            {"$group": {"_id": {"owner": "$owner", "state": "$state"}, "count": {"$sum": 1}}},
        ],
        session=session,
    )
    sending, under_way = Counter[str](), Counter[str]()
    for group in groups:
        owner, state = group["_id"]["owner"], group["_id"]["state"]
        under_way[owner] += group["count"]
        sending[owner] += group["count"] if state == JobState.SENDING else 0
    return sending, under_way


def _with_token(owners: Iterable[str]) -> set[str]:
    rows = collection(models.Credential).find(
        {
            "_id": {"$in": list(owners)},
            "refused_at": None,
            "$expr": {"$gt": ["$expires_at", NOW]},
        },
        {"_id": 1},
    )
    return {row["_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one sending; exactly one of the constructors below made it."""

    job: Job
    after: JobState
    fields: Row
    """Expressions of an aggregation; what came from outside stands in the next two."""
    reason: str = ""
    job_id: str = ""
    unset: tuple[str, ...] = ()

    @property
    def update(self) -> list[Row]:
        """Texts from outside are literals: one that begins with ``$`` would be taken for a path."""
        texts: Row = {"reason": {"$literal": self.reason}}
        if self.job_id:
            texts["job_id"] = {"$literal": self.job_id}
        stages: list[Row] = [{"$set": {"state": str(self.after), **self.fields, **texts}}]
        return [*stages, {"$unset": list(self.unset)}] if self.unset else stages

    @property
    def news(self) -> bool:
        """Whether the workflow has something to take in."""
        return self.after not in (JobState.INTENDED, JobState.SENDING)

    def write(self) -> UpdateOne:
        return UpdateOne(
            {"_id": self.job.key, "state": JobState.SENDING, "claim": self.job.claim}, self.update
        )


def started(job: Job, job_id: str) -> Sent:
    fields = {**_ENDED, "submitted_at": NOW, "due": NOW}
    return Sent(job, JobState.ACTIVE, fields, job_id=job_id)


def unsent(job: Job, reason: str, wait: timedelta, *, refused: bool = False) -> Sent:
    """It provably never arrived, or was refused for now: back into the outbox, unless nobody
    wants it any more. ``refused``: AppService had no good reason, which it may not do for ever.
    """
    fields: Row = {
        "state": {"$cond": ["$kill", str(JobState.WITHDRAWN), str(JobState.INTENDED)]},
        "news": {"$cond": ["$kill", NOW, "$news"]},
        "due": later(wait),
        "in_doubt": False,
        "tries": {"$add": ["$tries", 1]},
        "version": {"$add": ["$version", 1]},
    }
    return Sent(
        job,
        JobState.INTENDED,
        fields | (_REFUSED if refused else {}),
        reason=reason,
        unset=("claim", "absent_after"),
    )


def doubtful(job: Job, reason: str, lookup_in: timedelta, believe_in: timedelta | None) -> Sent:
    """The answer is lost. ``believe_in`` shortens the grace where AppService itself said that the
    call is over, without a reason.
    """
    fields: Row = {
        "in_doubt": True,
        "due": later(lookup_in),
        "version": {"$add": ["$version", 1]},
    }
    if believe_in is not None:
        fields |= {"absent_after": later(believe_in), **_REFUSED}
    return Sent(job, JobState.SENDING, fields, reason=reason)


def rejected(job: Job, reason: str) -> Sent:
    return Sent(job, JobState.REJECTED, {**_ENDED, "finished_at": NOW}, reason=reason)


def finished(job: Job, outcome: Outcome, reason: str, results: Mapping[str, object]) -> Sent:
    """A step that the engine ran itself has ended."""
    return Sent(
        job,
        JobState.DONE,
        {
            **_ENDED,
            "outcome": str(outcome),
            "results": {"$literal": dict(results)},
            "started_at": "$sent_at",
            "submitted_at": "$sent_at",
            "finished_at": NOW,
        },
        reason=reason,
    )


def rerun(job: Job) -> bool:
    """A step that the engine runs itself, and whose runner fell silent, may always run again."""
    with translated():
        again = unsent(job, "", timedelta(0)).write()
        return bool(collection(models.Job).bulk_write([again]).modified_count)


def withdrawn(job: Job) -> Sent:
    """Its workflow ended between the claim and the sending."""
    return Sent(job, JobState.WITHDRAWN, dict(_ENDED))


def record(outcomes: Sequence[Sent]) -> list[Sent]:
    """Write what became of the sendings; answers with those that started a job under a claim that
    was no longer valid. Recording the same again changes nothing.
    """
    if not outcomes:
        return []
    with translated():
        rows = collection(models.Job)
        result = rows.bulk_write([sent.write() for sent in outcomes], ordered=False)
        if result.matched_count == len(outcomes):
            return []
        return [sent for sent in outcomes if sent.job_id and sent.job_id != known_id(sent.job)]


# What is looked up because the answer is lost, or because its sender is silent.


def take_doubtful(again_in: timedelta, apps: Collection[str] = ()) -> Job | None:
    """One submission that is due to be looked up; the next look is put off, so that one looks.
    Of these apps alone, where any are named.

    The time of the look is noted before it is made: only that may be compared with the grace.
    """
    with translated():
        row = collection(models.Job).find_one_and_update(
            {"state": JobState.SENDING, "$expr": _DUE, **_of_apps(apps)},
            [
                {
                    "$set": {
                        "due": later(again_in),
                        "looked_at": NOW,
                        "in_doubt": True,
                        "version": {"$add": ["$version", 1]},
                    }
                }
            ],
            sort=[("due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return readable(row) if row else None


def adopt(job: Job, job_id: str) -> bool:
    """The lost submission was found: it is this job. False where another one is known already."""
    open_states = [JobState.SENDING, JobState.INTENDED]
    with translated():
        result = collection(models.Job).update_one(
            {"_id": job.key, "state": {"$in": open_states}},
            started(job, job_id).update,
        )
    return bool(result.modified_count)


def believe_absent(job: Job, *, again: bool) -> bool:
    """Not found, and looked for late enough for that to be believed: send it again, or let it be.

    False where the look was too early, or where something has happened to the job since.
    """
    return _conclude(job, unsent(job, "", timedelta(0)) if again else withdrawn(job))


def give_up(job: Job, reason: str) -> bool:
    """Refused without a reason too often, and provably absent: the step failed."""
    return _conclude(job, rejected(job, reason))


def _conclude(job: Job, sent: Sent) -> bool:
    """What follows from a look that found nothing. Its age is judged by when it was begun: a job
    may have come to exist while the one who looked was held up.
    """
    with translated():
        result = collection(models.Job).update_one(
            {
                "_id": job.key,
                "state": JobState.SENDING,
                "claim": job.claim,
                "version": job.version,
                "$expr": {"$lte": ["$absent_after", "$looked_at"]},
            },
            sent.update,
        )
    return bool(result.modified_count)


def known_id(job: Job) -> str:
    """The AppService id that is stored for this job now; empty where there is none."""
    with translated():
        row = collection(models.Job).find_one({"_id": job.key}, {"job_id": 1})
    return (row or {}).get("job_id") or ""
