"""What a job reads: the Workspace paths among its parameters, and what each of them holds.

An object's uuid is the identity of its content: overwriting makes another one, a move keeps it
(Workspace source e750d64). The path is not part of it, the base name is: apps name results after
it. A folder's own uuid says nothing of what lies in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workflows.model.values import Json

PLACE: Final = frozenset({"output_path", "output_file"})
"""The parameters that say where results go."""
MOST_FILES: Final = 10_000
"""Files of one folder that is an input."""
_SHORTEST: Final = 2
"""Names in the shortest path: owner and workspace."""
_UNCLEAR: Final = re.compile(r"\b(?:https?|ftp|s3|gs)://|^ws:|/[^/\s]+@[^/\s]+/", re.IGNORECASE)
"""A text that names data of which nothing tells the content."""

Identity = Mapping[str, Json]
"""``{file, uuid, size}``, or of a folder ``{folder, content}``."""


class NoIdentity(Exception):
    """The content of an input is not known, so the job's result cannot be compared."""


class TooYoung(NoIdentity):
    """It is known in a while."""


@dataclass(frozen=True, slots=True)
class File:
    """One object as the Workspace lists it."""

    path: str
    uuid: str
    size: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def is_path(text: str) -> bool:
    """Whether a text is taken for a Workspace path: rather one too many, since a path without an
    object has no identity, and a path that is taken for a text would hide a changed file."""
    return text.startswith("/") and len([part for part in text.split("/") if part]) >= _SHORTEST


def plain_path(path: str) -> str:
    """The Workspace collapses repeated slashes."""
    return re.sub("/+", "/", path).rstrip("/")


def input_paths(params: Mapping[str, Json]) -> tuple[str, ...]:
    """Every path that the job reads. Raises ``NoIdentity`` for a text that names data in another
    way."""
    found: dict[str, None] = {}
    for name, value in params.items():
        if name in PLACE:
            continue
        for text in _texts(value):
            if is_path(text):
                found[plain_path(text)] = None
            elif _UNCLEAR.search(text):
                raise NoIdentity(f"parameter {name} names data whose content is not known")
    return tuple(found)


def file_identity(file: File) -> Identity:
    return {"file": file.name, "uuid": file.uuid, "size": file.size}


def folder_identity(path: str, files: Iterable[File]) -> Identity:
    """Raises ``NoIdentity`` for too many files."""
    return {"folder": path.rpartition("/")[2], "content": _content(path, files)}


def result_identity(result: File, hidden: str, files: Iterable[File]) -> Identity:
    """Of a job_result, whose content is the files of the hidden folder beside it. Raises as
    ``folder_identity``."""
    return {**file_identity(result), "content": _content(hidden, files)}


def _content(path: str, files: Iterable[File]) -> str:
    listed = sorted([each.path.removeprefix(path), each.uuid, each.size] for each in files)
    if len(listed) > MOST_FILES:
        raise NoIdentity(f"{path} holds more than {MOST_FILES:,} files")
    return digest(listed)


def with_identities(value: Json, identities: Mapping[str, Identity]) -> Json:
    """The value with what each path holds in place of the path."""
    if isinstance(value, str):
        return dict(identities[plain_path(value)]) if is_path(value) else value
    if isinstance(value, Mapping):
        return {name: with_identities(each, identities) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [with_identities(each, identities) for each in value]
    return value


def digest(value: Json) -> str:
    """Of canonical JSON: 1, 1.0 and "1" differ, the order of names does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)
