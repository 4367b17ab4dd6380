"""The documents of MongoDB: collections, fields and indexes.

MongoEngine owns schema, indexes, validation at creation and plain reads; everything else goes
through PyMongo (docs/decisions/0018-where-mongoengine-ends.md). Nothing calls
``save()``: it sends deltas by list position and upserts. Field names of what users see are those of
the API.
"""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    DynamicField,
    IntField,
    ListField,
    StringField,
)

from workflows.model.states import JobState, StepState, WorkflowState
from workflows.model.values import APPSERVICE
from workflows.rules.holds import Mode, Scope
from workflows.store.batches.documents import Batch as Batch  # noqa: PLC0414 - exported
from workflows.store.batches.documents import BatchPlan as BatchPlan  # noqa: PLC0414 - exported
from workflows.store.batches.documents import BatchTable as BatchTable  # noqa: PLC0414 - exported
from workflows.store.durations.documents import (
    DurationHour as DurationHour,  # noqa: PLC0414 - exported
)
from workflows.store.durations.documents import (
    DurationTotal as DurationTotal,  # noqa: PLC0414 - exported
)
from workflows.store.processes.documents import AppSpecs as AppSpecs  # noqa: PLC0414 - exported
from workflows.store.processes.documents import Heartbeat as Heartbeat  # noqa: PLC0414 - exported
from workflows.store.processes.documents import Lock as Lock  # noqa: PLC0414 - exported
from workflows.store.processes.documents import Schema as Schema  # noqa: PLC0414 - exported
from workflows.store.processes.documents import Service as Service  # noqa: PLC0414 - exported
from workflows.store.templates.documents import Template as Template  # noqa: PLC0414 - exported
from workflows.store.templates.documents import (
    TemplateVersion as TemplateVersion,  # noqa: PLC0414 - exported
)
from workflows.store.users.documents import Credential as Credential  # noqa: PLC0414 - exported
from workflows.store.users.documents import EndedSession as EndedSession  # noqa: PLC0414 - exported
from workflows.store.users.documents import Usage as Usage  # noqa: PLC0414 - exported
from workflows.store.users.documents import User as User  # noqa: PLC0414 - exported
from workflows.store.webhooks.documents import DUE_DELIVERIES as DUE_DELIVERIES  # noqa: PLC0414 - exported
from workflows.store.webhooks.documents import Delivery as Delivery  # noqa: PLC0414 - exported
from workflows.store.webhooks.documents import MailRequest as MailRequest  # noqa: PLC0414 - exported
from workflows.store.webhooks.documents import Webhook as Webhook  # noqa: PLC0414 - exported

WAITING = "waiting"
"""The index by which the outbox finds whose job is sent next (``store/jobs/waiting.py``)."""
WAITING_ELSEWHERE = "waiting_elsewhere"
"""The same for the jobs of every backend but AppService: they are sent while AppService is away."""
REUSABLE = "reusable"
"""A user's jobs of an app whose results may be reused, the newest first."""
PRIORITISED = "prioritised"
"""Jobs of the outbox that are to go before or behind the others of their owner."""
SUCCEEDED = "succeeded"
"""Jobs that succeeded, by their end: of these the history of durations is made."""
_OUTBOX = {"state": "intended", "due": {"$type": "date"}}


def ensure_indexes() -> None:
    """Create what is missing; safe at every start and by many processes at once."""
    for document in documents():
        document.ensure_indexes()


def documents() -> list[type[Document]]:
    """Every kind of document there is."""
    progress = [
        Workflow,
        Spec,
        Job,
        Credential,
        User,
        Event,
        Lock,
        Heartbeat,
        Service,
        Schema,
        Hold,
    ]
    others = [
        Removal,
        EndedSession,
        Usage,
        AppSpecs,
        Batch,
        BatchTable,
        BatchPlan,
        Template,
        TemplateVersion,
        Webhook,
        Delivery,
        MailRequest,
        DurationHour,
        DurationTotal,
    ]
    return [*progress, *others]


USAGE_INDEX = "owner_1_state_1_bytes_1"
"""What a user has stored is added up from it alone."""


BATCH_STATES = "batch_row_states"
"""The rows of a batch are counted from it alone."""
_IN_BATCH = {"batch": {"$type": "string"}}


class Workflow(Document):
    """A workflow's progress. The engine writes it under a lease; a user's command only adds a
    request."""

    meta = {
        "collection": "workflows",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["owner", "-created_at", "-id"]},
            ["-created_at", "-id"],  # of all users, for admins
            {
                "fields": ["next_check"],
                "partialFilterExpression": {"next_check": {"$type": "date"}},
            },
            {
                "fields": ["replan_due"],
                "partialFilterExpression": {"replan_due": {"$type": "date"}},
            },
            {
                "fields": ["results_due"],
                "partialFilterExpression": {"results_due": {"$type": "date"}},
            },
            {"fields": ["finished_at"], "sparse": True},
            ["state"],
            {"fields": ["owner", "state", "bytes"], "name": USAGE_INDEX},
            {"fields": ["batch", "row"], "unique": True, "partialFilterExpression": _IN_BATCH},
            {
                "fields": ["batch", "state", "cancel_requested_at", "retry_wanted", "row"],
                "partialFilterExpression": _IN_BATCH,
                "name": BATCH_STATES,
            },
            {
                "fields": ["owner", "idempotency_key"],
                "unique": True,
                "partialFilterExpression": {"idempotency_key": {"$type": "string"}},
            },
        ],
    }
    id = StringField(primary_key=True)
    owner = StringField(required=True)
    name = StringField(required=True)
    labels = DynamicField()  # not DictField, which refuses names that begin with $
    apps = ListField(StringField())
    step_count = IntField(required=True)
    spec = StringField(required=True)  # _id in specs
    bytes = IntField(default=0)  # of its specs, as they are stored
    state = StringField(required=True, choices=list(map(str, WorkflowState)))
    states = ListField(StringField(choices=list(map(str, StepState))))
    attempts = ListField(IntField())
    retries = DictField()  # step index: {at, retries_left} of the next attempt
    cap = IntField(required=True)
    priority = IntField()  # among its owner's work; absent: 0
    sequence = IntField(default=0)
    last_event_at = DateTimeField()  # the time of the event with that number
    revision = IntField(default=0)
    lease = DictField()  # {token, until}
    next_check = DateTimeField()
    paused = BooleanField()  # paused by a restart, until a user resumes it
    failures = IntField(default=0)  # advances in a row that failed on a defect of ours
    cancel_requested_at = DateTimeField()
    problems = ListField(DictField())  # of a plan that cannot run
    waits_for = ListField(IntField())  # steps after whose success further ones are planned
    unplannable = StringField()  # why these cannot be planned
    failure = StringField()  # why it fails: of its first step that failed
    replan_due = DateTimeField()  # when to plan them (again)
    replan_failures = IntField()  # in a row, for no fault of what was submitted
    replan_reason = StringField()  # of the last one
    results_due = DateTimeField()  # when to look for its results, after its end
    results_seen = DictField()  # {at, found: [[path, bytes or null]]}, at its last end
    idempotency_key = StringField()
    body_digest = StringField()
    request_id = StringField()  # of the submission or retry, for the logs
    batch = StringField()  # the batch that it is a row of, or the gather
    row = IntField()  # its position in the batch's table, from 0 on; absent of the gather
    sample = StringField()
    row_failure = DictField()  # of a row: {app, kind} of its first failure, to group rows by
    retry_wanted = BooleanField()  # of a row: a user's retry of the batch that is still to be done
    template = DictField()  # {name, version} of what it was made from
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)
    submitted_at = DateTimeField()
    taken_up_at = DateTimeField()  # by a retry
    started_at = DateTimeField()
    finished_at = DateTimeField()


class Spec(Document):
    """The submitted or replanned spec, normalised; written once, ``<workflow>/<version>``."""

    meta = {"collection": "specs", "auto_create_index": False}
    id = StringField(primary_key=True)
    document = DynamicField(required=True)
    source = DynamicField()  # where it was made from (CWL), if anywhere
    request = DynamicField()  # how it was asked for, in WES's terms, as JSON


class Job(Document):
    """One attempt of a step: outbox, polling index and receipt."""

    meta = {
        "collection": "jobs",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["state", "owner", "due"]},
            {"fields": ["workflow"], "partialFilterExpression": {"open": True}, "name": "open"},
            {
                "fields": ["owner", "due", "state"],
                "partialFilterExpression": _OUTBOX,
                "name": WAITING,
            },
            {
                "fields": ["owner", "due", "state", "backend"],
                "partialFilterExpression": {
                    **_OUTBOX,
                    "$or": [{"backend": {"$lt": APPSERVICE}}, {"backend": {"$gt": APPSERVICE}}],
                },
                "name": WAITING_ELSEWHERE,
            },
            {
                "fields": ["owner", "-priority", "due"],
                "partialFilterExpression": {**_OUTBOX, "priority": {"$exists": True}},
                "name": PRIORITISED,
            },
            {
                "fields": ["changed_at"],
                "partialFilterExpression": {"changed_at": {"$type": "date"}},
            },
            {"fields": ["kill_due"], "partialFilterExpression": {"kill_due": {"$type": "date"}}},
            {
                "fields": ["results_due"],
                "partialFilterExpression": {"results_due": {"$type": "date"}},
            },
            {
                "fields": ["evidence_due"],
                "partialFilterExpression": {"evidence_due": {"$type": "date"}},
            },
            {"fields": ["reuse_due"], "partialFilterExpression": {"reuse_due": {"$type": "date"}}},
            {"fields": ["seen_due"], "partialFilterExpression": {"seen_due": {"$type": "date"}}},
            {
                "fields": ["owner", "reuse_key", "-finished_at"],
                "partialFilterExpression": {"reuse_key": {"$type": "string"}},
            },
            {
                "fields": ["owner", "app", "-finished_at"],
                "partialFilterExpression": {"reuse_key": {"$type": "string"}},
                "name": REUSABLE,
            },
            {
                "fields": ["finished_at"],
                "partialFilterExpression": {"outcome": "succeeded"},
                "name": SUCCEEDED,
            },
            {
                "fields": ["surplus_due"],
                "partialFilterExpression": {"surplus_due": {"$type": "date"}},
            },
        ],
    }
    id = StringField(primary_key=True)
    workflow = StringField(required=True)
    step = IntField(required=True)
    attempt = IntField(required=True)
    retries_left = IntField(default=0)
    owner = StringField(required=True)
    app = StringField(required=True)
    priority = IntField()  # among its owner's jobs; absent: 0
    backend = StringField()  # the name of the backend that runs it
    params = DynamicField()
    base_url = StringField()
    request_id = StringField()
    state = StringField(required=True, choices=list(map(str, JobState)))
    version = IntField(default=0)
    open = BooleanField()  # unset once settled
    changed_at = DateTimeField()  # since when the job has had an unprocessed change
    announced = BooleanField()
    due = (
        DateTimeField()
    )  # intended: not before (none: it waits for a token); sending: when to look
    # it up; active: since when
    claim = StringField()  # who is sending it
    tries = IntField(default=0)
    refusals = IntField(default=0)  # of the tries, those refused without a reason to believe
    refused_since = DateTimeField()  # when the first of them was made
    in_doubt = BooleanField()
    answered = BooleanField()  # in doubt although an answer came
    absent_after = DateTimeField()  # from when on "not found" is believed
    looked_at = DateTimeField()  # when it was last looked up
    job_id = StringField()
    outcome = StringField()
    reason = StringField()
    results = DynamicField()
    globs = DynamicField()  # what is looked for in the Workspace when it has ended, by output
    results_due = DateTimeField()  # when to look (again)
    evidence_due = DateTimeField()  # it failed: when to ask (again) why
    evidence_until = DateTimeField()  # how long that is asked
    word = StringField()  # AppService's own word for its end
    exit_code = IntField()
    cluster_status = StringField()  # Slurm's word for its end
    evidence = DictField()  # of a job that failed: {stderr, stdout, note, unread}, all texts
    basis = DictField()  # what its result rests on: {key, specification, epoch, inputs}
    reuse_due = DateTimeField()  # checking: when to look (again); none: it waits for a token
    reuse_until = DateTimeField()  # checking: how long that is done
    reuse_miss = DictField()  # why no result was reused: {code, message, part, before, now, …}
    reused = DictField()  # the job whose results it has taken
    seen_due = DateTimeField()  # it succeeded: when to note (again) what it left
    outputs_seen = ListField()  # what it left: [path, uuid, size] of each file
    reuse_key = StringField()  # set once it succeeded and its inputs stayed the same
    missing_since = DateTimeField()
    kill = BooleanField()
    kill_due = DateTimeField()  # when to ask AppService (again) to kill it
    kill_asks = IntField()  # how often that was done or begun
    kill_reply = StringField()
    surplus = ListField(StringField())  # AppService ids of further jobs of it, to be killed
    surplus_due = DateTimeField()  # when to ask (again) for that
    intended_at = DateTimeField()
    sent_at = DateTimeField()
    submitted_at = DateTimeField()
    started_at = DateTimeField()
    finished_at = DateTimeField()


class Hold(Document):
    """What keeps jobs from starting (``rules/holds.py``)."""

    meta = {
        "collection": "holds",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["scope", "target"]},
            {"fields": ["by"]},
            {"fields": ["until"], "expireAfterSeconds": 0},
        ],
    }
    id = StringField(primary_key=True)
    scope = StringField(required=True, choices=list(map(str, Scope)))
    target = StringField()  # empty for the global scope
    mode = StringField(required=True, choices=list(map(str, Mode)))
    reason = StringField()
    by = StringField(required=True)  # the user who set it
    owner = StringField()  # of the workflow or the batch
    created_at = DateTimeField()
    until = DateTimeField()


class Event(Document):
    """A recorded change of state, append-only."""

    meta = {
        "collection": "events",
        "auto_create_index": False,
        "indexes": [{"fields": ["workflow", "sequence"], "unique": True}],
    }
    workflow = StringField(required=True)
    sequence = IntField(required=True)
    at = DateTimeField(required=True)
    subject = StringField(required=True)
    before = StringField()
    after = StringField()
    step = IntField()
    step_name = StringField()
    app = StringField()
    attempt = IntField()
    job_id = StringField()
    reason = StringField()
    duration_seconds = DynamicField()
    reused = BooleanField()  # the step took the results of an earlier job


class Removal(Document):
    """A workflow that was removed. ``store/removals.py`` says what it is for."""

    meta = {
        "collection": "removals",
        "auto_create_index": False,
        "indexes": [{"fields": ["erased_at"], "expireAfterSeconds": 7 * 86_400}],
    }
    id = StringField(primary_key=True)  # the workflow
    hidden_at = DateTimeField()
    erased_at = DateTimeField()  # when its specs, jobs and events were gone
