"""Commands about the engine as a whole: the apps, your own use, and, for admins, what goes on."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from cli.show import engine, views
from cli.show.screen import Screen, command

Json = Any


@click.command()
@click.argument("words", nargs=-1)
@command
def apps(screen: Screen, words: tuple[str, ...]) -> None:
    """List BV-BRC's apps, those that WORDS describe; one by its exact name with its parameters."""
    if len(words) == 1 and (found := _exact(screen, words[0])):
        screen.show(found, lambda answer: Text(json.dumps(answer, indent=2, ensure_ascii=False)))
        return
    every: list[Json] = []
    token: str | None = ""
    while token is not None:
        query = {"query": " ".join(words)} if words else {}
        page = screen.api.get("/apps", **query, page_token=token)
        every, token = [*every, *page["apps"]], page["next_page_token"]
    screen.show({"apps": every}, _apps_view)


@click.command()
@command
def usage(screen: Screen) -> None:
    """Show your limits and how much of each you use."""
    screen.show(screen.api.get("/usage"), _usage_view)


@click.command()
@command
def overview(screen: Screen) -> None:
    """Show, to admins, what goes on: what is stuck, queues, services, processes, users."""
    screen.show(screen.api.get("/admin/overview"), engine.overview)


def _exact(screen: Screen, name: str) -> Json | None:
    """The app of this very name, if there is one."""
    page = screen.api.get("/apps", query=name)
    names = {each["app"] for each in page["apps"]}
    return screen.api.get(f"/apps/{name}") if name in names else None


def _apps_view(found: Json) -> RenderableType:
    table = views.make_table("app", "what it does")
    for each in found["apps"]:
        table.add_row(each["app"], Text(each["label"] or each["description"] or ""))
    return table


def _usage_view(found: Json) -> RenderableType:
    table = views.make_table("limit", "used", "allowed", "starts again")
    for name, each in found["limits"].items():
        again = views.moment(each.get("resets_at"))
        table.add_row(name.replace("_", " "), str(each["used"]), str(each["allowed"]), again)
    return table
