"""``python -m devstack COMMAND``: what the scripts call."""

from __future__ import annotations

import sys

import click

from config.settings import BadSettings
from devstack import demo, records, setups, shared
from devstack.embedded import Missing
from devstack.processes import NotReady


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
@click.option("--port", default=setups.API_PORT, show_default=True)
@click.option("--private", is_flag=True, help="Servers of its own, free ports, nothing is kept.")
def everything(port: int, private: bool) -> None:
    """Everything, until it is told to stop."""
    if private:
        setups.private()
    else:
        setups.everything(port)


@main.command()
def servers() -> None:
    """The servers that api, executor and all share."""
    shared.keep_servers()


@main.command()
@click.option("--port", default=setups.API_PORT, show_default=True)
def up(port: int) -> None:
    """Everything, in the background."""
    facts = records.read("all")
    if facts is None:
        shared.detached("all", f"--port={port}")
        facts = records.read("all") or {}
    else:
        click.echo(f"is running already (pid {facts['pid']})")
    demo.show_addresses(facts)


@main.command()
def down() -> None:
    """Stops what was started here, by exact pid, and waits for the end."""
    known = sorted(records.names(), key="servers".__eq__)
    stopped = [name for name in known if records.stop(name)]
    click.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


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


if __name__ == "__main__":
    try:
        main()
    except (shared.Failed, Missing, NotReady, BadSettings) as problem:
        sys.exit(str(problem))
