"""Tells systemd that a worker or beat is well: the protocol of sd_notify, where a unit asks for it.

A process that hangs or is stopped falls silent, and systemd starts it again after ``WatchdogSec``.
One that waits for MongoDB or Redis is well: to start it again would help nobody.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger(__name__)


def watchdog_seconds(environ: Mapping[str, str]) -> float:
    """After how much silence systemd ends this process; 0: it does not."""
    meant_for = environ.get("WATCHDOG_PID", "")
    if meant_for not in {"", str(os.getpid())} or not environ.get("NOTIFY_SOCKET"):
        return 0.0
    return int(environ.get("WATCHDOG_USEC", "0")) / 1e6


def begin(is_well: Callable[[float], bool]) -> None:
    """Asks ``is_well`` again and again, with the seconds of silence that systemd bears."""
    limit = watchdog_seconds(os.environ)
    if limit:
        address = os.environ["NOTIFY_SOCKET"]
        arguments = (address, limit, is_well)
        threading.Thread(target=_run, args=arguments, name="watchdog", daemon=True).start()


def _run(address: str, limit: float, is_well: Callable[[float], bool]) -> None:
    while True:
        if is_well(limit):
            _notify(address, "WATCHDOG=1")
        threading.Event().wait(limit / 4)


def _notify(address: str, state: str) -> None:
    """An address that begins with ``@`` is abstract."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
        try:
            datagram.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError as failure:
            log.warning("systemd cannot be told", error=str(failure))
