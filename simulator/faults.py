"""Faults between a client and BV-BRC, on demand.

A fault is ``{"kind": …, "done": bool, …}``, limited as triggers.py says; the methods of pages are
``public_key``, ``task_info``, ``ping``, ``auth_ping``, ``api``, ``dl``. ``done`` says whether the
call takes effect although its answer is not the usual one. Kinds and their further settings:

A fault occupies no worker of the service: it is trouble on the way. Only the call itself does.

* delay: ``seconds``; the call is made so much later, also if the client hangs up
* lost (done): the connection is closed instead of an answer
* reset (done): the same with a TCP reset
* hang (done): ``seconds`` of silence, but no longer than the fault is there; then the connection is
  closed
* drip (done): ``seconds``; the answer comes in twenty pieces
* cut (done): the connection is closed in the middle of the answer
* garbage (done): the answer is no JSON
* status (not done): an HTTP ``status`` (503) with a proxy's HTML page, or with ``text``
* html (not done): the same with status 200
* cloudflare (not done): 403 with ``error code: 1010``
* error (not done): the JSON-RPC error ``text`` with ``code`` (-32603), and a trace
* no_reason (not done): ``Error submitting job: `` and nothing more
* db_lost (not done): a worker that lost its database session
* disabled (not done): ``App service submissions are disabled``
* expired (not done): ``Token validation failed: Token expired``
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from simulator.appservice import specs
from simulator.http.rpc import INTERNAL, RpcError
from simulator.http.server import Ending, Reply
from simulator.triggers import Trigger, Unusable, draw_seconds

Json = Any

USUALLY_DONE = frozenset({"delay", "lost", "reset", "hang", "drip", "cut", "garbage"})
ERRORS = frozenset({"error", "no_reason", "db_lost", "disabled", "expired"})
PAGES = frozenset({"status", "html", "cloudflare"})
KINDS = USUALLY_DONE | ERRORS | PAGES
ENDINGS = {"lost": Ending.CLOSE, "hang": Ending.CLOSE, "reset": Ending.RESET}
SETTINGS = frozenset({"kind", "done", "seconds", "status", "text", "code"})
PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
CF_HEADERS = (("CF-Ray", "9a1b2c3d4e5f6789-ORD"), ("CF-Mitigated", "challenge"))
SIMULATED_WORKERS = 2
"""Each worker loses its database session once; later calls find it gone."""
DB_PLACE = "/opt/bvbrc/deploy/lib/Bio/KBase/AppService/SchedulerDB.pm line 429"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, checked."""

    kind: str
    done: bool
    seconds: Json = 0.0
    status: int = 503
    text: str = ""
    code: int = INTERNAL

    def error(self, hits: int) -> RpcError:
        """The JSON-RPC error that a fault of this kind answers; ``hits`` counts its occurrences."""
        if self.kind == "no_reason":
            return specs.refusal()
        if self.kind == "db_lost":
            first = hits <= SIMULATED_WORKERS
            reason = (
                "TLS/SSL error: unexpected eof while reading" if first else "Server has gone away"
            )
            return RpcError(f"DBD::mysql::st execute failed: {reason}", place=DB_PLACE)
        if self.kind == "disabled":
            return RpcError("App service submissions are disabled\n", place=specs.SUBMIT_PLACE)
        if self.kind == "expired":
            return RpcError("Token validation failed: Token expired", inside=False)
        return RpcError(self.text or "broken", self.code, place=DB_PLACE)


def fault_of(effect: Mapping[str, Json]) -> Fault:
    """Raises ``Unusable`` where ``effect`` describes no fault."""
    kind = effect.get("kind")
    if kind not in KINDS:
        raise Unusable(f"no fault {kind!r}; there are {', '.join(sorted(KINDS))}")
    if unknown := set(effect) - SETTINGS:
        raise Unusable(f"a fault has no {', '.join(sorted(unknown))}")
    return Fault(**{"done": kind in USUALLY_DONE, **effect})


def page(fault: Fault) -> Reply:
    """The page of a proxy in place of the service."""
    if fault.kind == "cloudflare":
        body = (fault.text or "error code: 1010").encode()
        return Reply(403, body, "text/plain; charset=UTF-8", CF_HEADERS)
    status = 200 if fault.kind == "html" else fault.status
    text = fault.text or PAGE.format(f"{status} Service Temporarily Unavailable")
    return Reply(status, text.encode(), "text/html")


def apply_fault(fault: Fault, reply: Reply, rng: random.Random) -> Reply:
    """The reply that the client gets under a fault."""
    if fault.kind in ENDINGS:
        return replace(reply, ending=ENDINGS[fault.kind])
    if fault.kind == "cut":
        return replace(reply, ending=Ending.CUT)
    if fault.kind == "drip":
        return replace(reply, drip_seconds=draw_seconds(fault.seconds, rng) or 0.0)
    if fault.kind == "garbage":
        return replace(reply, body=b'{"result":[{"\xff\xfe' + rng.randbytes(40))
    return page(fault)


Perform = Callable[[RpcError | None], Awaitable[Reply]]
"""Makes a call, or answers it with an error, once a worker is free."""


async def apply(fault: Fault, trigger: Trigger, perform: Perform, rng: random.Random) -> Reply:
    """The reply under a fault. ``perform(None)`` makes the call; with an error, it answers that."""
    seconds = draw_seconds(fault.seconds, rng) or 0.0
    if fault.kind == "delay":
        await asyncio.sleep(seconds)
        return await perform(None)
    if fault.kind in ERRORS:
        if fault.done:
            await perform(None)
        return await perform(fault.error(trigger.hits))
    reply = await perform(None) if fault.done else Reply()
    if fault.kind == "hang":
        with suppress(TimeoutError):
            await asyncio.wait_for(trigger.removed.wait(), seconds)
    return apply_fault(fault, reply, rng)
