"""``python -m simulator``: serves the simulated BV-BRC services until ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import click

from simulator.http import control
from simulator.http.server import Reply, Request, serve
from simulator.simulation import Simulation, Start
from simulator.switches import Switches


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, help="0: a free one; the first line of output names it.")
@click.option("--workers", type=int, help="Calls that a service serves at a time; default 5.")
@click.option("--switch", "switches", multiple=True, help="NAME=JSON, a switch; see switches.py.")
@click.option("--seed", default=0, help="Makes all that is random repeatable.")
@click.option("--key-file", type=click.Path(exists=True, path_type=Path), help="RSA key, PEM.")
@click.option("--ledger-limit", type=int, help="Keep only so many calls.")
def main(host: str, port: int, workers: int | None, switches: Sequence[str], **start: Any) -> None:
    """Serves BV-BRC's services, simulated, and /control on one port until ended."""
    chosen = parse_switches(switches)
    if workers is not None:
        chosen["workers"] = workers
    asyncio.run(run(host, port, {**start, "switches": chosen}))


def parse_switches(texts: Sequence[str]) -> dict[str, Any]:
    """Parses ``NAME=JSON`` texts; raises ``click.BadParameter``."""
    pairs = [text.partition("=") for text in texts]
    try:
        chosen = {name: json.loads(value) for name, _, value in pairs}
        Switches().update(chosen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--switch") from error
    return chosen


async def run(host: str, port: int, start: dict[str, Any]) -> None:
    simulation: Simulation | None = None

    def respond(request: Request) -> Reply | Awaitable[Reply]:
        assert simulation is not None  # noqa: S101 - set before the first request can arrive
        if request.path.startswith("/control"):
            return control.respond(simulation, request)
        return simulation.respond(request)

    server, port = await serve(respond, host, port)
    url = f"http://{host}:{port}"
    simulation = Simulation(Start(url, **start))
    click.echo(f"listening on {url}")
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
