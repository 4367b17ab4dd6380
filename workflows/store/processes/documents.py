"""The documents about processes and services. ``workflows/store/documents.py`` lists them with all
others."""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    StringField,
)


class Lock(Document):
    """A lock for periodic work that only one process does at a time, with its last time.

    ``sweep`` (the beat's), ``poll:<owner>``, ``young:<owner>`` and ``look:<owner>`` (of polls),
    ``outbox`` (the claim of jobs to send), ``durations``.
    """

    meta = {"collection": "locks", "auto_create_index": False}
    id = StringField(primary_key=True)
    last = DateTimeField()
    previous = DateTimeField()  # the time before ``last``
    next = DateTimeField()
    slowest = ListField(DictField())  # sweep: {at, seconds} of the slowest of the last day
    token = StringField()  # of the process that got the lock last
    count = IntField(default=0)
    served = StringField()  # outbox: the user who was served last
    claims = ListField(DictField())  # outbox: {token, until, jobs} of claims under way
    queries = ListField(DictField())  # outbox: {token, until} of processes whose queries wait
    full = BooleanField()  # outbox: as many calls were under way as the limit allows
    limit = DictField()  # outbox: the adaptive limit of calls and what it was learnt from
    learnt = IntField()  # outbox: how often the limit was adapted
    counted = DateTimeField()  # durations: from which hour on ended jobs are to be counted
    recounted = DateTimeField()  # durations: the same for the second time
    answered = DateTimeField()  # outbox: when the youngest call began that has been answered


class Heartbeat(Document):
    """A process and its last heartbeat."""

    meta = {
        "collection": "heartbeats",
        "auto_create_index": False,
        "indexes": [{"fields": ["at"], "expireAfterSeconds": 86_400}],
    }
    id = StringField(primary_key=True)  # <kind>@<host>:<process id>
    kind = StringField(required=True)
    queues = ListField(StringField())
    cut_off = BooleanField()
    version = StringField()  # the release that it runs
    broken = ListField(DictField())  # tasks that raised: {task, error, count, lasted, ago}
    at = DateTimeField(required=True)


class Schema(Document):
    """Which migrations were done (``store/migrations.py``)."""

    meta = {"collection": "schema", "auto_create_index": False}
    id = StringField(primary_key=True)
    version = IntField(default=0)


class Service(Document):
    """What is known of a BV-BRC service: up, away, disabled."""

    meta = {"collection": "services", "auto_create_index": False}
    id = StringField(primary_key=True)
    state = StringField(required=True)
    reason = StringField()
    since = DateTimeField()
    checked_at = DateTimeField()


class AppSpecs(Document):
    """The apps' specifications, as the service gave them last; one document in all."""

    meta = {"collection": "app_specs", "auto_create_index": False}
    id = StringField(primary_key=True)
    specs = StringField()  # JSON: keys of foreign making
    fetched_at = DateTimeField()
    asked_at = DateTimeField()  # when a process last claimed the fetch
