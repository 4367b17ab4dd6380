"""Notifies systemd's watchdog that a worker or beat is well, by the protocol of sd_notify.

A process that hangs or is stopped sends no notification, and systemd restarts it after
``WatchdogSec``. One that waits for MongoDB or Redis is well: a restart would not help.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger(__name__)


def watchdog_seconds(environ: Mapping[str, str]) -> float:
    """The seconds of silence after which systemd ends this process; 0: never."""
    meant_for = environ.get("WATCHDOG_PID", "")
    if meant_for not in {"", str(os.getpid())} or not environ.get("NOTIFY_SOCKET"):
        return 0.0
    return int(environ.get("WATCHDOG_USEC", "0")) / 1e6


def begin(is_well: Callable[[float], bool]) -> None:
    """Starts a thread that calls ``is_well`` with the seconds of silence that systemd allows."""
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
            log.warning("systemd cannot be notified", error=str(failure))
