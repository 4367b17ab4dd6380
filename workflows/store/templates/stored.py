"""Stored templates as frozen values, and the list of those that a user may use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workflows.model.values import Json
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors

PRIVATE, PUBLIC = "private", "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateName:
    """All that is stored of a template but its versions."""

    name: str
    owner: str
    """Empty for a template that comes with the engine."""
    visibility: str
    shared_with: Sequence[str] = ()
    latest: int
    title: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    deprecated: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def may_be_used_by(self, user: str | None) -> bool:
        return self.visibility == PUBLIC or user == self.owner or user in self.shared_with

    def matches(self, words: Sequence[str], labels: Mapping[str, str]) -> bool:
        """Whether it has all these words in its texts, and all these labels."""
        text = search_text(self.name, self.title, self.description, self.labels)
        return all(word in text for word in words) and all(
            self.labels.get(key) == value for key, value in labels.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion:
    """One version of a template."""

    name: str
    version: int
    content: Mapping[str, Any]
    """What was submitted, normalised: texts, ``workflow`` or ``cwl``, and ``inputs``."""
    deprecated: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which templates; what is None or empty does not matter."""

    user: str
    """Those that this user may use."""
    words: Sequence[str] = ()
    """In small letters, all of them in the texts."""
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None
    deprecated: bool = False
    """Show deprecated ones, too."""


def search_text(name: str, title: str, description: str, labels: Mapping[str, str]) -> str:
    pairs = [f"{key}:{value}" for key, value in labels.items()]
    return " ".join([name, title, description, *pairs]).lower()


def find(name: str) -> TemplateName | None:
    """It does not ask who may use it: routes and pages go through ``engine.templates.load``."""
    with translate_errors():
        row = collection(documents.Template).find_one({"_id": name})
    return _name(row) if row else None


def find_version(name: str, version: int) -> TemplateVersion | None:
    with translate_errors():
        row = collection(documents.TemplateVersion).find_one({"_id": f"{name}@{version}"})
    return _version(row) if row else None


def versions_of(name: str) -> list[Mapping[str, Json]]:
    """``{version, created_at, deprecated}`` of each, the newest first."""
    with translate_errors():
        rows = (
            collection(documents.TemplateVersion)
            .find({"template": name}, {"version": 1, "created_at": 1, "deprecated": 1})
            .sort("version", -1)
        )
        return [
            {
                "version": row["version"],
                "created_at": row["created_at"],
                "deprecated": row.get("deprecated"),
            }
            for row in rows
        ]


def page(wanted: Wanted, size: int, after: str = "") -> list[TemplateName]:
    """Up to ``size`` of them by name, behind the name ``after``."""
    conditions: list[Row] = [
        {"$or": [{"owner": wanted.user}, {"visibility": PUBLIC}, {"shared_with": wanted.user}]},
        {"_id": {"$gt": after}},
        *({"$expr": {"$gte": [_position(word), 0]}} for word in wanted.words),
    ]
    for key, value in wanted.labels.items():
        label = {"$getField": {"field": {"$literal": key}, "input": "$labels"}}
        conditions.append({"$expr": {"$eq": [label, {"$literal": value}]}})
    if wanted.owner is not None:
        conditions.append({"owner": wanted.owner})
    if not wanted.deprecated:
        conditions.append({"deprecated": None})
    with translate_errors():
        rows = collection(documents.Template).find({"$and": conditions}).sort("_id", 1).limit(size)
        return list(map(_name, rows))


def _position(word: str) -> Row:
    """Where the word is in the texts; -1 if nowhere. A pattern could hold what no pattern may."""
    return {"$indexOfCP": [{"$ifNull": ["$search", ""]}, {"$literal": word}]}


def count_of(owner: str) -> int:
    """Templates of a user."""
    with translate_errors():
        return int(collection(documents.Template).count_documents({"owner": owner}))


def _name(row: Row) -> TemplateName:
    return TemplateName(
        name=row["_id"],
        owner=row["owner"],
        visibility=row["visibility"],
        shared_with=tuple(row.get("shared_with") or ()),
        latest=row["latest"],
        title=row.get("title") or "",
        description=row.get("description") or "",
        labels=row.get("labels") or {},
        deprecated=row.get("deprecated"),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _version(row: Row) -> TemplateVersion:
    return TemplateVersion(
        name=row["template"],
        version=row["version"],
        content=json.loads(row["content"]),
        deprecated=row.get("deprecated"),
        created_at=row["created_at"],
    )
