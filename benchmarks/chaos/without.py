"""``python -m benchmarks.chaos.without <safeguard> <module> …``: the product less one safeguard.

A process of the product that is started through this lacks it. Each is taken away from outside, so
that production code has no such switch. The driver must find what each of them guards against.
"""

from __future__ import annotations

import os
import runpy
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pymongo import UpdateOne

from workflows.backends.appservice.client import AppService
from workflows.engine.reuse import inputs
from workflows.store.jobs import outbox, send_results
from workflows.store.workflows import rows as store

Json = Any


def no_fencing() -> None:
    """A turn takes what others hold, and writes also where its lease was lost."""
    guarded = store._write

    def write(session: Json, token: str, changes: Json) -> None:
        ids = [change.after.id for change in changes]
        own = {"$set": {"lease": {"token": token}}}
        rows = store.collection(store.documents.Workflow)
        rows.update_many({"_id": {"$in": ids}}, own, session=session)
        guarded(session, token, changes)

    def claim(ids: Json, lease: timedelta) -> Json:
        store.collection(store.documents.Workflow).update_many(
            {"_id": {"$in": list(ids)}}, {"$unset": {"lease": ""}}
        )
        return held(ids, lease)

    held = store.claim
    store._write = write
    store.claim = claim


def no_intent() -> None:
    """That a job is being sent is known to the sender alone, until there is an answer."""
    mine: set[str] = set()

    def taken(chosen: Json, _token: str, _bounds: Json) -> set[str]:
        keys = {job.key for job in chosen} - mine
        mine.update(keys)
        return keys

    def writes(answers: Json) -> list[UpdateOne]:
        return [written(sent) for sent in answers]

    def written(sent: Json) -> UpdateOne:
        mine.discard(sent.job.key)
        known = {"sent_at": "$$NOW", "absent_after": outbox.later(timedelta(seconds=8))}
        query = {"_id": sent.job.key, "state": outbox.JobState.INTENDED}
        return UpdateOne(query, [{"$set": {**known, "claim": sent.job.claim}}, *sent.update])

    outbox.mark_sending = taken
    send_results._writes = writes


def no_grace() -> None:
    """A job that is not found at once is believed not to exist."""
    from runtime import bootstrap  # noqa: PLC0415 - it reads the settings of the process

    limited = bootstrap.limits_of
    bootstrap.limits_of = lambda settings: replace(limited(settings), grace=timedelta(0))


def no_lookup() -> None:
    """A submission whose answer is lost is not looked up: it is sent again after the grace."""
    AppService.find = lambda *_args, **_named: ()  # type: ignore[method-assign]


def no_identity() -> None:
    """A file is known by its name, whatever it holds (with ``--reuse``)."""
    inputs.file_identity = lambda file: {"file": file.name}


NOTHING = "nothing"
SAFEGUARDS: Mapping[str, Callable[[], None]] = {
    "fencing": no_fencing,
    "intent": no_intent,
    "grace": no_grace,
    "lookup": no_lookup,
    "identity": no_identity,
}
AIMED: Mapping[str, Sequence[str]] = {
    "fencing": ("SIGSTOP-worker", "SIGKILL-worker", "late-but-created"),
    "intent": ("SIGKILL-worker",),
    "grace": ("late-but-created",),
    "lookup": ("reply-lost-job-created",),
    "identity": ("input-overwritten", "SIGKILL-worker"),
}
"""The kinds of faults that each guards against."""


def sleep(seconds: float) -> None:
    """As ``time.sleep``, which raises ``OSError`` now and then under libfaketime."""
    if seconds > 0:
        select.select([], [], [], seconds)


def main(safeguard: str, module: str, *words: str) -> None:
    if "FAKETIME" in os.environ:
        time.sleep = sleep
    if safeguard != NOTHING:
        SAFEGUARDS[safeguard]()
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
