"""The documents about users. ``workflows/store/documents.py`` lists them with all others."""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    DynamicField,
    IntField,
    StringField,
)


class Credential(Document):
    """A user's token, sealed; one a user."""

    meta = {
        "collection": "credentials",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["expires_at"], "expireAfterSeconds": 30 * 86_400},
            {
                "fields": ["renew_at"],
                "partialFilterExpression": {"renew_at": {"$type": "date"}},
            },
        ],
    }
    id = StringField(primary_key=True)  # the user
    sealed = StringField(required=True)
    digest = StringField(required=True)  # keyed, tells whether it is the same token
    expires_at = DateTimeField(required=True)
    refused_at = DateTimeField()  # BV-BRC refused it although it has not expired
    renew_at = DateTimeField()  # when to look whether it is to be renewed
    renewed_at = DateTimeField()  # since when the engine has had it from BV-BRC
    renewal_problem = StringField()  # why it could not be renewed at the last try


class User(Document):
    """What is set for a user, apart from the token."""

    meta = {"collection": "users", "auto_create_index": False}
    id = StringField(primary_key=True)
    renew = BooleanField()  # False: the engine does not renew the user's token
    weight = IntField()  # how many jobs in each round of a claim; absent: 1
    prioritises = BooleanField()  # some jobs have had a priority other than 0
    letters = IntField()  # that were sent to the user's addresses
    letters_day = DateTimeField()  # on this day, in UTC


class EndedSession(Document):
    """A session of the pages that its user signed out of."""

    meta = {
        "collection": "sessions",
        "auto_create_index": False,
        "indexes": [{"fields": ["until"], "expireAfterSeconds": 0}],
    }
    id = StringField(primary_key=True)  # a digest of the session's secret
    until = DateTimeField(required=True)  # when it would have ended by itself


class Usage(Document):
    """What a user uses of a limit. ``store/users/usage.py`` says how it is counted."""

    meta = {
        "collection": "usage",
        "auto_create_index": False,
        "indexes": [{"fields": ["until"], "expireAfterSeconds": 0}],
    }
    id = StringField(primary_key=True)  # <limit>/<minute or open>/<user>
    total = DynamicField()  # of a minute, over all processes
    open = DictField()  # process: {count, at}
    until = DateTimeField(required=True)
