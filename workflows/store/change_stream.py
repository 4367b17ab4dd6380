"""The events of all workflows as they become durable: one change stream for a whole process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.change_stream import CollectionChangeStream

from workflows.model.values import Event
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors
from workflows.store.workflows.events import value

_WAIT_MILLISECONDS: Final = 1_000
_INSERTS: Final[list[Row]] = [
    {"$match": {"operationType": "insert"}},
    {"$project": {"fullDocument": 1}},
]


class ChangeStream:
    """An open stream. Nothing that is committed after it was opened is missed."""

    def __init__(self, stream: CollectionChangeStream[Row]) -> None:
        self._stream = stream

    def next(self) -> tuple[str, Event] | None:
        """A workflow's id and its event; None after a second without any.

        Raises ``Unavailable``, and PyMongo's own errors where the stream cannot go on.
        """
        with translate_errors():
            change = self._stream.try_next()
        if change is None:
            return None
        row = change["fullDocument"]
        return row["workflow"], value(row)


@contextmanager
def open_tail() -> Iterator[ChangeStream]:
    """From now on."""
    with translate_errors():
        stream = collection(documents.Event).watch(_INSERTS, max_await_time_ms=_WAIT_MILLISECONDS)
    with stream:
        yield ChangeStream(stream)
