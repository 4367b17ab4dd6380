"""One worker that is cut off from AppService, or from MongoDB, by proxies that can be frozen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from devstack.failover.tcp_proxy import TcpProxy, tcp_proxy
from devstack.stack import Stack

SCHEDULER, MONGODB = "WORKFLOW_SCHEDULER__URL", "WORKFLOW_MONGODB__URI"


@contextmanager
def proxies(running: Stack, *, mongodb: bool) -> Iterator[dict[str, TcpProxy]]:
    """The first worker starts again behind proxies, by the names of the servers. ``mongodb``: also
    to MongoDB; clients of several members find these by themselves, past any proxy."""
    with ExitStack() as found:
        appservice = _port(running.simulator.url)
        made = {"appservice": found.enter_context(tcp_proxy(appservice))}
        address = running.env[SCHEDULER]
        env = {SCHEDULER: address.replace(f":{appservice}", f":{made['appservice'].port}")}
        if mongodb:
            made["mongodb"] = found.enter_context(tcp_proxy(_port(running.mongod.uri)))
            env[MONGODB] = f"mongodb://127.0.0.1:{made['mongodb'].port}/?directConnection=true"
        worker = running.workers[0]
        worker.kill()
        worker.env = {**worker.env, **env}
        worker.start()
        yield made


def _port(address: str) -> int:
    return int(address.partition("://")[2].partition(":")[2].partition("/")[0])
