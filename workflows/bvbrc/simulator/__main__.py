"""``python -m workflows.bvbrc.simulator``: serves the simulated BV-BRC services until ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import click

from workflows.bvbrc.simulator import control
from workflows.bvbrc.simulator.server import Reply, Request, serve
from workflows.bvbrc.simulator.simulation import Simulation, Start


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, help="0: a free one; the first line of output names it.")
@click.option("--workers", default=0, help="Serve so many calls at a time; the genuine service: 5.")
@click.option("--seed", default=0, help="Makes all that is random repeatable.")
@click.option("--key-file", type=click.Path(exists=True, path_type=Path), help="RSA key, PEM.")
@click.option("--ledger-limit", type=int, help="Keep only so many calls.")
def main(host: str, port: int, workers: int, **start: Any) -> None:
    """Serves BV-BRC's services, simulated, and /control on one port until ended."""
    asyncio.run(run(host, port, workers, start))


async def run(host: str, port: int, workers: int, start: dict[str, Any]) -> None:
    simulation: Simulation | None = None

    def respond(request: Request) -> Reply | Awaitable[Reply]:
        assert simulation is not None  # noqa: S101 - set before the first request can arrive
        if request.path.startswith("/control"):
            return control.respond(simulation, request)
        return simulation.respond(request)

    server, port = await serve(respond, host, port)
    url = f"http://{host}:{port}"
    simulation = Simulation(Start(url, **start))
    simulation.switches.workers = workers
    click.echo(f"listening on {url}")
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
