"""Commands for webhooks: have your own server notified."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import quote

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.api import of_webhook
from cli.show import views
from cli.show.screen import Screen, command

Json = Any


@click.group()
def webhook() -> None:
    """Have your own server notified of events."""


@webhook.command()
@click.argument("url")
@click.option("--event", multiple=True, help="Such as workflow.failed, 'step.*' or '*'.")
@click.option("--label", multiple=True, metavar="KEY:VALUE", help="Only of workflows with it.")
@click.option("--description", default="", help="Your own words.")
@command
def create(
    screen: Screen, url: str, event: tuple[str, ...], label: tuple[str, ...], description: str
) -> None:
    """Send messages about your workflows to URL.

    Prints the secret that verifies them; it is shown this once.
    """
    body: Json = {"url": url, "description": description}
    body |= {"events": list(event)} if event else {}
    body |= {"labels": dict(map(_label, label))} if label else {}
    found = screen.api.post("/webhooks", json.dumps(body).encode())
    screen.show(found, _secret_view)


def _label(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{text!r} is not KEY:VALUE", param_hint="--label")
    return key, value


@webhook.command("list")
@command
def list_webhooks(screen: Screen) -> None:
    """List your webhooks, the newest first."""
    screen.show(screen.api.get("/webhooks"), _list_view)


@webhook.command()
@click.argument("webhook_id")
@command
def test(screen: Screen, webhook_id: str) -> None:
    """Send a test message; `deliveries` shows what came of it."""
    found = screen.api.post(of_webhook(webhook_id, "/test"))
    screen.show(found, lambda answer: Text(answer["delivery_id"]))


@webhook.command()
@click.argument("webhook_id")
@command
def rotate(screen: Screen, webhook_id: str) -> None:
    """Replace the secret; for 24 hours messages are signed by both."""
    screen.show(screen.api.post(of_webhook(webhook_id, "/rotate")), _secret_view)


@webhook.command()
@click.argument("webhook_id")
@click.option("--number", "-n", type=click.IntRange(1, 500), default=20, show_default=True)
@command
def deliveries(screen: Screen, webhook_id: str, number: int) -> None:
    """List the messages to a webhook, the newest first."""
    path = of_webhook(webhook_id, "/deliveries")
    screen.show(screen.api.get(path, page_size=number), views.deliveries_table)


@webhook.command()
@click.argument("webhook_id")
@click.argument("delivery_id")
@command
def redeliver(screen: Screen, webhook_id: str, delivery_id: str) -> None:
    """Send a message again, with its id and its bytes."""
    rest = f"/deliveries/{quote(delivery_id, safe='')}/redeliver"
    found = screen.api.post(of_webhook(webhook_id, rest))
    screen.show(found, lambda answer: Text(answer["delivery_id"]))


@webhook.command()
@click.argument("webhook_id")
@command
def disable(screen: Screen, webhook_id: str) -> None:
    """Send nothing until it is enabled again."""
    _change_state(screen, webhook_id, "disabled")


@webhook.command()
@click.argument("webhook_id")
@command
def enable(screen: Screen, webhook_id: str) -> None:
    """Send what happens from now on."""
    _change_state(screen, webhook_id, "enabled")


def _change_state(screen: Screen, webhook_id: str, state: str) -> None:
    found = screen.api.patch(of_webhook(webhook_id), {"state": state})
    screen.show(found, lambda answer: Text(answer["state"]))


@webhook.command()
@click.argument("webhook_id")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def delete(screen: Screen, webhook_id: str, yes: bool) -> None:
    """Delete a webhook: nothing more is sent."""
    if not yes and sys.stdin.isatty() and not screen.json:
        url = screen.api.get(of_webhook(webhook_id))["url"]
        click.confirm(f"Send nothing more to {url}?", abort=True, err=True)
    screen.api.delete(of_webhook(webhook_id))
    screen.show({"webhook_id": webhook_id}, lambda _: Text("It is deleted."))


def _secret_view(found: Json) -> RenderableType:
    return Group(
        Text(found["webhook_id"]),
        Text(found["secret"]),
        Text("Keep the secret: it is not shown again.", style="dim"),
    )


def _list_view(found: Json) -> RenderableType:
    table = views.make_table("webhook", "url", "events", "state", "last success")
    for each in found["webhooks"]:
        table.add_row(
            each["webhook_id"],
            each["url"],
            ", ".join(each["events"]),
            f"{each['state']} {each['reason']}".strip(),
            views.moment(each["last_success_at"]) if each["last_success_at"] else "",
        )
    return table
