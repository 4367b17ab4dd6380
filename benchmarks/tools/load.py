"""Many clients on kept-alive connections, cheap enough to share two cores with what they ask."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """What the clients saw."""

    seconds: float
    latencies: Sequence[float]
    """Seconds, of the answers with the expected status, sorted."""
    statuses: Counter[int]

    def figures(self) -> dict[str, float]:
        count = len(self.latencies)
        return {
            "per_second": round(count / self.seconds, 1),
            "p50_ms": self._percentile(0.50),
            "p95_ms": self._percentile(0.95),
            "p99_ms": self._percentile(0.99),
        }

    def _percentile(self, part: float) -> float:
        if not self.latencies:
            return 0.0
        return round(self.latencies[int(part * (len(self.latencies) - 1))] * 1000, 2)


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as bytes, made beforehand."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def load(
    port: int, requests: Sequence[bytes], *, clients: int, seconds: float, status: int
) -> Seen:
    """So many clients ask one after the other for so long; each request is sent in turn."""
    return asyncio.run(_load(port, requests, clients, seconds, status))


async def _load(
    port: int, requests: Sequence[bytes], clients: int, seconds: float, status: int
) -> Seen:
    turn, latencies, statuses = itertools.cycle(requests), list[float](), Counter[int]()
    begun = time.perf_counter()
    until = begun + seconds
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_client(port, turn, until, (latencies, statuses, status)))
    return Seen(time.perf_counter() - begun, sorted(latencies), statuses)


async def _client(
    port: int, turn: Iterator[bytes], until: float, seen: tuple[list[float], Counter[int], int]
) -> None:
    latencies, statuses, wanted = seen
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        begun = time.perf_counter()
        writer.write(next(turn))
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().split(b"content-length: ", 1)[1].split(b"\r", 1)[0]
        await reader.readexactly(int(length))
        status = int(head[9:12])
        statuses[status] += 1
        if status == wanted:
            latencies.append(time.perf_counter() - begun)
    writer.close()
