"""Sends a job from a process that stands still between its last look at the holds and the first
byte, and sets holds while it does.

Arguments: MongoDB, the database, the simulator. Prints a JSON line for each hold that is set:
``{"under_way", "starts"}``: on another workflow, and on the job's one. Then the process goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from simulator.client import Simulator
from tests.engine.conftest import Engine, another, document
from tests.reliability.crash import forked
from workflows.backends.appservice.client import AppService
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Answer, Request, Wire
from workflows.engine import holds
from workflows.engine.access import Caller
from workflows.engine.advance import advance
from workflows.rules.holds import Mode, Scope
from workflows.store import connection, documents
from workflows.store.mongo import collection

ADMIN = Caller("root@bvbrc", is_admin=True)


class Standing(Wire):
    """Its process stands still once it may send a job."""

    def exchange(self, request: Request) -> Answer:
        if (may_leave := request.may_leave) is None:
            return super().exchange(request)

        def stand_still() -> bool:
            leaves = may_leave()
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(0.5)  # another thread may take the signal: this one stops in here
            return leaves

        return super().exchange(replace(request, may_leave=stand_still))


def main(mongo: str, database: str, url: str) -> None:
    def engine() -> Engine:
        connection.open_database(mongo, database)
        return another(Simulator(url))

    def send() -> None:
        found = engine()
        patient = AppService(
            Rpc(Standing()),
            found.simulator.app_service_url,
            timeout=timedelta(seconds=1),
            submit_timeout=timedelta(minutes=5),
        )
        backends = found.backends_with(patient)
        sender = replace(found, context=replace(found.context, backends=backends))
        documents.ensure_indexes()
        sender.submit(document("", workflow_name="other"))
        advance(sender.context, [sender.submit(document("", workflow_name="mine"))])
        sender.drain.run(sender.context)

    def hold(name: str) -> None:
        setter = engine()
        row = collection(documents.Workflow).find_one({"name": name})
        assert row
        found = holds.set_hold(ADMIN, Scope.WORKFLOW, row["_id"], Mode.HOLD, "maintenance")
        starts = len(setter.simulator.calls("AppService.start_app2"))
        sys.stdout.write(json.dumps({"under_way": found.under_way, "starts": starts}) + "\n")
        sys.stdout.flush()

    sender = forked(send)
    try:
        assert os.WIFSTOPPED(os.waitpid(sender, os.WUNTRACED)[1])
        run(lambda: hold("other"))
        run(lambda: hold("mine"))
    finally:
        os.kill(sender, signal.SIGCONT)
        assert os.waitpid(sender, 0)[1] == 0


def run(work: Callable[[], None]) -> None:
    """In a process of its own: none of them inherits connections."""
    assert os.waitpid(forked(work), 0)[1] == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
