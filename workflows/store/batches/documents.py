"""The documents of batches. ``documents`` lists them with all others."""

from __future__ import annotations

from mongoengine import (
    BinaryField,
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    DynamicField,
    IntField,
    ListField,
    StringField,
)


class Batch(Document):
    """One workflow over a table of samples. It is the intent from which its workflows are made."""

    meta = {
        "collection": "batches",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["owner", "-created_at", "-id"]},
            {"fields": ["owner", "bytes"]},
            {
                "fields": ["next_check"],
                "partialFilterExpression": {"next_check": {"$type": "date"}},
            },
            {"fields": ["finished_at"], "sparse": True},
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
    labels = DynamicField()
    count = IntField(required=True)  # rows
    made = IntField(required=True)  # so many rows, from the first on, have become workflows
    version = IntField(default=0)  # counts the commands and the rows made
    max_active = IntField(required=True)
    seed = StringField(required=True)  # the ids of the workflows follow from it; never shown
    paused = BooleanField()
    held_up_by = StringField()  # the quota that keeps further rows from being made
    cancel_requested_at = DateTimeField()
    cancel_pending = BooleanField()  # the cancel is still to be written to the workflows
    next_check = DateTimeField()
    bytes = IntField(required=True)  # of its table, as it is stored
    idempotency_key = StringField()
    body_digest = StringField()
    request_id = StringField()
    template = DictField()  # {name, version} of what its workflows are made from
    gather = StringField()  # what its gather requires: any or all rows; absent: it has none
    gather_rows = IntField()  # its gather has begun, with the results of so many rows
    gather_problem = StringField()  # why it could not: it has no workflow, and counts as failed
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)
    finished_at = DateTimeField()


class BatchPlan(Document):
    """The plans of some rows of a batch in CWL, compressed; the last of a batch is written again
    where rows are added."""

    meta = {"collection": "batch_plans", "auto_create_index": False}
    id = StringField(primary_key=True)  # <batch>/<number>
    content = BinaryField(required=True)


class BatchTable(Document):
    """The template and the rows of a batch, compressed; written again only where rows are added."""

    meta = {"collection": "batch_tables", "auto_create_index": False}
    id = StringField(primary_key=True)  # the batch
    content = BinaryField(required=True)
    request = BinaryField()  # what was submitted besides the rows: added rows are checked with it
    additions = ListField(DictField())  # {key, digest, rows}: of those with an Idempotency-Key
