"""Kills a process after each of its writes in turn, and lets another go on.

Arguments: MongoDB, the database, the simulator, the receiver, the verb. Prints JSON lines:
``{"secret"}``, then for each point ``{"workflow", "events", "died"}``, the last of which lived.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from pymongo import monitoring

from simulator.client import Simulator
from tests.engine.conftest import Engine, another, document
from tests.engine.notifications.conftest import SETTINGS, deliver, notify_from
from tests.reliability.crash import DIED, Fuse, forked, say
from workflows.engine.advance import advance
from workflows.engine.notifications import webhooks
from workflows.engine.notifications.webhooks import Wanted
from workflows.model.webhooks import DeliveryState
from workflows.store import connection, documents
from workflows.store.mongo import collection
from workflows.store.workflows import events

QUICK = replace(SETTINGS, lease=timedelta(seconds=0.9))
VERBS: dict[str, Callable[[Engine, str], None]] = {
    "advance": lambda engine, workflow: advance(engine.context, [workflow]) and None,
    "deliver": lambda engine, _: deliver(engine),
}


class Points:
    """The points of one verb; each process connects for itself."""

    def __init__(self, mongo: str, database: str, simulator: str, verb: str) -> None:
        self._place, self._simulator, self._verb = (mongo, database), simulator, verb

    def engine(self) -> Engine:
        connection.open_database(*self._place)
        return notify_from(another(Simulator(self._simulator)), QUICK)

    def create(self, url: str) -> None:
        engine = self.engine()
        documents.ensure_indexes()
        wanted = ("*",) if self._verb == "advance" else ("workflow.queued",)
        made = webhooks.create(engine.context, engine.user, Wanted(url=url, events=wanted))
        assert made
        say({"secret": made.secret})

    def crash(self, after: int) -> None:
        fuse = Fuse(after)
        monitoring.register(fuse)
        engine = self.engine()
        workflow = engine.submit(document(""))
        if self._verb != "advance":
            advance(engine.context, [workflow])
        fuse.light()
        VERBS[self._verb](engine, workflow)

    def recover(self, *, died: bool) -> None:
        engine = self.engine()
        row = collection(documents.Workflow).find_one({}, {"_id": 1}, sort=[("created_at", -1)])
        assert row
        assert engine.ends(row["_id"]) == "succeeded"

        def all_sent() -> bool:
            deliver(engine)
            pending = {"state": DeliveryState.PENDING}
            return collection(documents.Delivery).count_documents(pending) == 0

        engine.until(all_sent)
        say({"workflow": row["_id"], "events": len(events.of_workflow(row["_id"])), "died": died})


def main(mongo: str, database: str, simulator: str, receiver: str, verb: str) -> None:
    points = Points(mongo, database, simulator, verb)
    assert wait_for(lambda: points.create(receiver)) == 0
    died, after = True, 0
    while died:
        code = wait_for(lambda after=after: points.crash(after))  # type: ignore[misc]
        assert code in (0, DIED), code
        died, after = code == DIED, after + 1
        assert wait_for(lambda died=died: points.recover(died=died)) == 0  # type: ignore[misc]


def wait_for(work: Callable[[], None]) -> int:
    """The exit code of a process that does it."""
    return os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
