"""A TCP proxy that can be frozen: a partition between one process and a server.

While the proxy is frozen, nothing passes in either direction and neither side learns of it, as when
a network loses every packet. Bytes under way arrive when it thaws, unless one side has given up.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread, Timer

CHUNK_BYTES = 65_536


class TcpProxy:
    """Listens on a free loopback port and passes on to another one."""

    def __init__(self, port: int) -> None:
        """``port``: the server's, on the loopback address."""
        self._server_port = port
        self._flows = Event()
        self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, name="tcp-proxy", daemon=True).start()

    def freeze(self) -> None:
        self._flows.clear()

    def freeze_for(self, seconds: float) -> None:
        self.freeze()
        timer = Timer(seconds, self.thaw)
        timer.daemon = True
        timer.start()

    def thaw(self) -> None:
        self._flows.set()

    def close(self) -> None:
        self.thaw()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._flows.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:
            client.close()
            return
        Thread(target=self._pass_on, args=(server, client), daemon=True).start()
        self._pass_on(client, server)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                self._flows.wait()
                target.sendall(chunk)
        self._flows.wait()
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def tcp_proxy(port: int) -> Iterator[TcpProxy]:
    """A proxy to that port, closed at the end of the block."""
    proxy = TcpProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
