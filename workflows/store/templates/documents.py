"""The documents of templates. ``documents`` lists them with all others."""

from __future__ import annotations

from mongoengine import DateTimeField, Document, DynamicField, IntField, ListField, StringField


class Template(Document):
    """A name with versions: whose it is, who may use it, and what the latest version says."""

    meta = {
        "collection": "templates",
        "auto_create_index": False,
        "indexes": [["owner"], ["visibility"], ["shared_with"]],
    }
    id = StringField(primary_key=True)  # the name
    owner = StringField(required=True)
    visibility = StringField(required=True, choices=["private", "public"])
    shared_with = ListField(StringField())  # users who may use it besides its owner
    latest = IntField(required=True)
    title = StringField()
    description = StringField()
    labels = DynamicField()
    search = StringField()  # name, texts and labels in small letters
    deprecated = StringField()  # why, or what to use instead
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)


class TemplateVersion(Document):
    """One version, ``<name>@<version>``. Its content never changes; it may be deprecated."""

    meta = {
        "collection": "template_versions",
        "auto_create_index": False,
        "indexes": [["template", "version"], ["owner", "bytes"]],
    }
    id = StringField(primary_key=True)
    template = StringField(required=True)
    version = IntField(required=True)
    owner = StringField(required=True)
    content = StringField(required=True)  # JSON
    digest = StringField(required=True)  # of the content, to find the same one again
    bytes = IntField(required=True)
    deprecated = StringField()
    created_at = DateTimeField(required=True)
