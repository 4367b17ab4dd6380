"""The commands of ``python -m devstack``."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from config.settings import BadSettings
from devstack import demo, records, setups, shared, stopping
from devstack import servers as servers_of
from devstack.embedded import Missing
from devstack.processes import NotReady

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _with_ports(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name ports."""
    port = click.option("--port", default=setups.API_PORT, show_default=True, help="Of the API.")
    flower, exporter, mcp = (
        click.option(
            f"--{name}-port", default=0, help=f"Of {what}; without it {usual}, or a free one."
        )
        for name, what, usual in (
            ("flower", "Flower", setups.FLOWER_PORT),
            ("exporter", "celery-exporter", setups.EXPORTER_PORT),
            ("mcp", "the MCP server", setups.MCP_PORT),
        )
    )
    return port(flower(exporter(mcp(command))))


@click.group()
def main() -> None:
    """Runs the engine on this machine, for development."""


@main.command()
@click.option("--port", default=setups.API_PORT, show_default=True)
def api(port: int) -> None:
    """The API alone, in this terminal."""
    setups.api(port)


@main.command()
def executor() -> None:
    """Worker and beat, in this terminal."""
    setups.executor()


@main.command("all")
@_with_ports
def everything(port: int, flower_port: int, exporter_port: int, mcp_port: int) -> None:
    """Run everything until a signal."""
    setups.everything(port, flower_port, exporter_port, mcp_port)


@main.command()
@click.option("--monitors", is_flag=True, help="Run Flower, too.")
def private(*, monitors: bool) -> None:
    """The same with separate servers, on free ports; keep nothing."""
    setups.private(monitors=monitors)


@main.command()
def servers() -> None:
    """Run the servers that api, executor and all share."""
    shared.keep_servers()


@main.command()
@_with_ports
def up(port: int, flower_port: int, exporter_port: int, mcp_port: int) -> None:
    """Run everything in the background."""
    shared.end_by_signal()
    if (facts := records.read("all")) is None:
        click.echo("starting MongoDB, Redis, the simulator, API, worker, beat and Flower", err=True)
        options = {"": port, "flower-": flower_port, "exporter-": exporter_port, "mcp-": mcp_port}
        words = [f"--{name}port={number}" for name, number in options.items()]
        shared.start_detached("all", *words, report=_report)
        facts = records.read("all") or {}
    else:
        click.echo(f"is running already (pid {facts['pid']})")
    demo.show_addresses(facts)


def _report(line: str) -> None:
    click.echo(line, err=True)


@main.command()
def down() -> None:
    """Stops what was started here, by exact pid, and waits for the end."""
    stopping.main()


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...]) -> None:
    """A command with the settings of the servers that run here, e.g. flask db status."""
    facts = records.read("servers")
    if facts is None:
        raise shared.Failed("no servers are running: ./scripts/start_all.sh starts them")
    os.environ.update(servers_of.over(facts["env"]))
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise shared.Failed(f"{command[0]}: {error.strerror}") from None


@main.command()
@click.argument("user", default=demo.USER)
def token(user: str) -> None:
    """A token of the simulated BV-BRC that runs here, on standard output."""
    click.echo(shared.simulator().token(user))


@main.command("demo")
@click.option("--keep", is_flag=True, help="Leave it running, and print the addresses.")
def demonstrate(keep: bool) -> None:
    """A workflow from its submission to its outputs."""
    sys.exit(demo.run(keep=keep))


def run_main() -> None:
    """Runs the command line; a failure ends it with one line."""
    try:
        main()
    except OSError as problem:
        # A write to a full disk names no file.
        place = problem.filename or (records.VAR if problem.errno in _NO_ROOM else "this machine")
        sys.exit(f"{place}: {problem.strerror or problem}")
    except (shared.Failed, Missing, NotReady, BadSettings) as problem:
        sys.exit(str(problem))
