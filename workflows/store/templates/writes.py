"""Stores versions of templates, each once, and what may change of a template: who may use it, and
whether it is deprecated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from workflows.model.errors import Conflict, Invalid, Problem
from workflows.store import documents
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, Row, collection, transaction, translate_errors
from workflows.store.templates.stored import PRIVATE, search_text

LARGEST_BYTES: Final = 4 * 1024 * 1024
"""Of one version, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version that is to be stored. Its times are set by MongoDB."""

    name: str
    version: int
    after: int
    """The latest version so far; 0 for a new name."""
    owner: str
    content: Mapping[str, Any]
    visibility: str | None = None
    shared_with: Sequence[str] | None = None
    """None: as before."""


def encode(content: Mapping[str, Any]) -> tuple[str, str]:
    """A version's content as it is stored, and its digest. Raises ``Invalid`` if it is too
    large."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > LARGEST_BYTES:
        message = f"the template takes {size} bytes to keep; at most {LARGEST_BYTES} are possible"
        hint = "keep large values in files of the Workspace, and name these"
        raise Invalid([Problem("", "document_too_large", message, hint)])
    canonical = json.dumps(content, sort_keys=True)  # many programs sort the keys of an export
    return text, hashlib.sha256(canonical.encode()).hexdigest()


def digest_of(name: str, version: int) -> str | None:
    """The digest of a stored version."""
    with translate_errors():
        row = collection(documents.TemplateVersion).find_one(
            {"_id": f"{name}@{version}"}, {"digest": 1}
        )
    return row["digest"] if row else None


def add_version(new: NewVersion) -> int:
    """Store a version durably and answer with its bytes.

    Raises ``Conflict`` if another version came first, or the name is another user's.
    """
    text, digest = encode(new.content)
    row: Row = {
        "_id": f"{new.name}@{new.version}",
        "template": new.name,
        "version": new.version,
        "owner": new.owner,
        "content": text,
        "digest": digest,
        "bytes": len(text.encode()),
    }
    check_insert(documents.TemplateVersion, row, later=("created_at",))

    def work(session: ClientSession) -> bool:
        if not _move_name(new, session):
            return False
        collection(documents.TemplateVersion).update_one(
            {"_id": row["_id"], "digest": {"$exists": False}},  # written once
            [{"$set": {**_literals(row), "created_at": NOW}}],
            upsert=True,
            session=session,
        )
        return True

    try:
        stored = transaction(work)
    except DuplicateKeyError:
        stored = False
    if not stored:
        raise Conflict(f"Another version of the template '{new.name}' came first: try again.")
    return int(row["bytes"])


def _move_name(new: NewVersion, session: ClientSession) -> bool:
    """False if the template has changed since it was read. Raises ``DuplicateKeyError`` where
    another one took the name."""
    fields = _latest_fields(new)
    if new.after:
        moved = collection(documents.Template).update_one(
            {"_id": new.name, "owner": new.owner, "latest": new.after},
            [{"$set": {**fields, "updated_at": NOW}}],
            session=session,
        )
        return bool(moved.matched_count)
    fields = {"visibility": PRIVATE, "shared_with": [], **fields}
    collection(documents.Template).update_one(
        {"_id": new.name, "latest": {"$exists": False}},
        [{"$set": {**fields, "created_at": NOW, "updated_at": NOW}}],
        upsert=True,
        session=session,
    )
    return True


def _latest_fields(new: NewVersion) -> Row:
    content = new.content
    title, description = content.get("title", ""), content.get("description", "")
    labels = dict(content.get("labels", {}))
    fields: Row = {
        "owner": new.owner,
        "latest": new.version,
        "title": title,
        "description": description,
        "labels": labels,
        "search": search_text(new.name, title, description, labels),
    }
    if new.visibility is not None:
        fields["visibility"] = new.visibility
    if new.shared_with is not None:
        fields["shared_with"] = list(new.shared_with)
    row = {"visibility": PRIVATE, **fields}
    check_insert(documents.Template, row, later=("id", "_id", "created_at", "updated_at"))
    return _literals(fields)


def change(name: str, fields: Mapping[str, Any]) -> None:
    """Change who may use a template, or whether it is deprecated."""
    with translate_errors():
        collection(documents.Template).update_one(
            {"_id": name}, [{"$set": {**_literals(fields), "updated_at": NOW}}]
        )


def deprecate_version(name: str, version: int, reason: str | None) -> None:
    with translate_errors():
        collection(documents.TemplateVersion).update_one(
            {"_id": f"{name}@{version}"}, {"$set": {"deprecated": reason}}
        )


def _literals(fields: Mapping[str, Any]) -> Row:
    return {name: {"$literal": value} for name, value in fields.items() if name != "_id"}
