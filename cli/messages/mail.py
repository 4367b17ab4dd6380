"""Commands for e-mail addresses: have letters sent about the ends of workflows."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.api import of_address
from cli.show import views
from cli.show.screen import Screen, command

Json = Any


@click.group()
def email() -> None:
    """Have letters sent about the ends of workflows."""


@email.command()
@click.argument("address")
@click.option("--event", multiple=True, help="Such as workflow.failed or 'batch.*'.")
@command
def add(screen: Screen, address: str, event: tuple[str, ...]) -> None:
    """Register ADDRESS: it gets one letter with a link that confirms it.

    For an address that waits for that: another letter.
    """
    body: Json = {"address": address} | ({"events": list(event)} if event else {})
    screen.show(screen.api.post("/email-addresses", json.dumps(body).encode()), _address_view)


@email.command("list")
@command
def list_addresses(screen: Screen) -> None:
    """List your addresses, the newest first."""
    screen.show(screen.api.get("/email-addresses"), _list_view)


@email.command()
@click.argument("address_id")
@command
def test(screen: Screen, address_id: str) -> None:
    """Send a test letter; `deliveries` shows what came of it."""
    found = screen.api.post(of_address(address_id, "/test"))
    screen.show(found, lambda answer: Text(answer["delivery_id"]))


@email.command()
@click.argument("address_id")
@click.option("--number", "-n", type=click.IntRange(1, 500), default=20, show_default=True)
@command
def deliveries(screen: Screen, address_id: str, number: int) -> None:
    """List the letters to an address, the newest first."""
    path = of_address(address_id, "/deliveries")
    screen.show(screen.api.get(path, page_size=number), views.deliveries_table)


@email.command()
@click.argument("address_id")
@command
def disable(screen: Screen, address_id: str) -> None:
    """Send nothing until it is enabled again."""
    _change_state(screen, address_id, "disabled")


@email.command()
@click.argument("address_id")
@command
def enable(screen: Screen, address_id: str) -> None:
    """Send letters about what ends from now on."""
    _change_state(screen, address_id, "enabled")


def _change_state(screen: Screen, address_id: str, state: str) -> None:
    found = screen.api.patch(of_address(address_id), {"state": state})
    screen.show(found, lambda answer: Text(answer["state"]))


@email.command()
@click.argument("address_id")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def delete(screen: Screen, address_id: str, yes: bool) -> None:
    """Delete an address: nothing more is sent."""
    if not yes and sys.stdin.isatty() and not screen.json:
        address = screen.api.get(of_address(address_id))["address"]
        click.confirm(f"Send nothing more to {address}?", abort=True, err=True)
    screen.api.delete(of_address(address_id))
    screen.show({"address_id": address_id}, lambda _: Text("It is deleted."))


def _address_view(found: Json) -> RenderableType:
    waits = found["state"] == "unconfirmed"
    hint = (
        "Follow the link in the letter to it within a day." if waits else f"It is {found['state']}."
    )
    return Group(Text(found["address_id"]), Text(hint, style="dim"))


def _list_view(found: Json) -> RenderableType:
    table = views.make_table("id", "address", "events", "state", "last letter")
    for each in found["email_addresses"]:
        table.add_row(
            each["address_id"],
            each["address"],
            ", ".join(each["events"]),
            f"{each['state']} {each['reason']}".strip(),
            views.moment(each["last_success_at"]) if each["last_success_at"] else "",
        )
    return table
