"""The creation of indexes, which takes minutes where a collection is large."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Context
from typing import Final

from workflows.store import documents
from workflows.store.mongo import collection, translate_errors

Keys = list[tuple[str, int]]
"""Fields and directions, as MongoDB names an index."""
_IDS: Final[Keys] = [("_id", 1)]
"""MongoDB makes it with the collection."""


def ensure() -> None:
    """Create what is missing. Raises ``Unavailable`` where MongoDB does not answer in time: it goes
    on building, and another call waits for the same build.

    The caller's deadline does not count. PyMongo sends it to the server, which ends the build with
    it, and the next caller would begin from the start.
    """
    Context().run(_ensure)


def _ensure() -> None:
    with translate_errors():
        documents.ensure_indexes()


def missing() -> list[tuple[str, Keys]]:
    """Indexes that are still to be made: collection and keys of each."""
    return _compare("missing")


def stale() -> list[tuple[str, Keys]]:
    """The same of indexes that this release does not need."""
    return _compare("extra")


def _compare(kind: str) -> list[tuple[str, Keys]]:
    with translate_errors():
        return [
            (document._get_collection_name(), keys)
            for document in documents.documents()
            for keys in document.compare_indexes()[kind]
            if keys != _IDS
        ]


def drop(stale: Sequence[tuple[str, Keys]]) -> None:
    with translate_errors():
        for document in documents.documents():
            for name, keys in stale:
                if name == document._get_collection_name():
                    collection(document).drop_index(keys)
