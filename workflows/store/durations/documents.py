"""The documents of the history of durations. ``workflows/store/documents.py`` lists them with all
others."""

from __future__ import annotations

from mongoengine import DateTimeField, DictField, Document, IntField, ListField, StringField


class DurationHour(Document):
    """The jobs of one app that ended well in one hour."""

    meta = {
        "collection": "duration_hours",
        "auto_create_index": False,
        "indexes": [["app", "-hour"], ["hour"]],
    }
    id = StringField(primary_key=True)  # <app>/<hour>
    app = StringField(required=True)
    hour = DateTimeField(required=True)  # when it begins
    count = IntField(required=True)  # of jobs; it only grows
    sizes = ListField(DictField())  # by size of the inputs: {size, waits, runs: [[bin, count], …]}


class DurationTotal(Document):
    """The hours of one app together."""

    meta = {"collection": "durations", "auto_create_index": False}
    id = StringField(primary_key=True)  # the app
    since = DateTimeField(required=True)
    until = DateTimeField(required=True)
    sizes = ListField(DictField())  # as those of an hour
