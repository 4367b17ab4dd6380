"""Stores messages to webhooks, each once."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from workflows.model.webhooks import DeliveryState, Message
from workflows.store import documents
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, Row, collection, translate_errors


def insert(messages: Sequence[Message], session: ClientSession) -> None:
    """Within the transaction that stores their events: either both are written or neither."""
    if messages:
        rows = [{**_row(each), "due": each.at, "created_at": each.at} for each in messages]
        collection(documents.Delivery).insert_many(rows, ordered=False, session=session)


def insert_new(messages: Sequence[Message]) -> None:
    """Those that are not there yet; the others stay as they are."""
    writes = [UpdateOne({"_id": each.id}, _unless_there(each), upsert=True) for each in messages]
    if writes:
        with translate_errors():
            collection(documents.Delivery).bulk_write(writes, ordered=False)


def _unless_there(message: Message) -> list[Row]:
    new = {name: {"$literal": value} for name, value in _row(message).items()}
    made = {**new, "due": NOW, "created_at": NOW}
    is_there = {"$eq": [{"$type": "$created_at"}, "date"]}
    return [{"$replaceWith": {"$cond": [is_there, "$$ROOT", made]}}]


def _row(message: Message) -> Row:
    row: Row = {
        "_id": message.id,
        "webhook": message.webhook,
        "owner": message.owner,
        "event": message.event,
        "at": message.at,
        "body": message.body,
        "source": message.source,
        "step_name": message.step_name,
        "workflow": message.workflow,
        "state": str(DeliveryState.PENDING),
        "attempts": 0,
    }
    check_insert(documents.Delivery, row, later=("created_at",))
    return row
