"""The pages of webhooks: a user's list with a form to create one, and one with its deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import Blueprint, g, redirect, render_template, request, url_for

from app.connections import connections
from app.http.auth import caller
from app.ui.access.session import signed_in
from app.webhooks import routes
from app.webhooks.requests import FIELDS, read_wanted
from workflows.engine.notifications import webhooks
from workflows.engine.notifications.webhooks import Wanted
from workflows.model.errors import Invalid, Problem
from workflows.rules.webhooks.events import NAMES, PATTERNS, USUAL

PAGE: Final = 50
_TIMES: Final = ("created_at", "last_success_at", "failing_since", "next_attempt_at")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/webhooks", "list_webhooks", list_webhooks)
    blueprint.add_url_rule("/webhooks", "create_webhook", create_webhook, methods=["POST"])
    blueprint.add_url_rule("/webhooks/<webhook_id>", "show_webhook", show_webhook)
    for verb, view in (
        ("test", test_webhook),
        ("rotate", rotate_webhook),
        ("state", change_state),
        ("delete", delete_webhook),
        ("redeliver", redeliver),
    ):
        blueprint.add_url_rule(
            f"/webhooks/<webhook_id>/{verb}", view.__name__, view, methods=["POST"]
        )


@signed_in
def list_webhooks() -> str:
    found = [_parse_times(webhooks.view(each)) for each in webhooks.of_owner(caller().name)]
    return render_template("webhooks.html", webhooks=found, usual=USUAL, names=[*PATTERNS, *NAMES])


@signed_in
def create_webhook() -> str:
    """Answers with the page that shows the secret."""
    sent: dict[str, Any] = {
        "url": request.form.get("url", "").strip(),
        "events": request.form.get("events", "").replace(",", " ").split(),
        "labels": _labels(request.form.get("labels", "")),
        "description": request.form.get("description", "").strip(),
    }
    made = routes.create(read_wanted(sent, FIELDS, ["url"]))
    return render_template(
        "webhook_secret.html", webhook_id=made.webhook.id, secret_text=made.secret
    )


def _labels(text: str) -> dict[str, str]:
    pairs = [part.strip().partition(":") for part in text.split(",") if part.strip()]
    if any(not colon for _, colon, _ in pairs):
        raise Invalid([Problem("labels", "bad_argument", "write them as key:value, key:value")])
    return {key.strip(): value.strip() for key, _, value in pairs}


@signed_in
def show_webhook(webhook_id: str) -> str:
    webhook = routes.load(webhook_id)
    found, following = webhooks.page_of(webhook, PAGE, request.args.get("page", ""))
    return render_template(
        "webhook.html",
        webhook=_parse_times(webhooks.view(webhook)),
        deliveries=[_parse_times(webhooks.delivery_view(each)) for each in found],
        following=following,
    )


def _parse_times(view: dict[str, Any]) -> dict[str, Any]:
    """With times that the templates' filters take."""
    times = {name: view[name] for name in _TIMES if view.get(name)}
    return view | {name: datetime.fromisoformat(text) for name, text in times.items()}


@signed_in
def test_webhook(webhook_id: str) -> Any:
    webhooks.send_test(connections().context, routes.load(webhook_id))
    connections().hints.notify(g.request_id)
    return _back(webhook_id)


@signed_in
def rotate_webhook(webhook_id: str) -> str:
    secret = webhooks.rotate(connections().context, routes.load(webhook_id))
    return render_template("webhook_secret.html", webhook_id=webhook_id, secret_text=secret)


@signed_in
def change_state(webhook_id: str) -> Any:
    webhook = routes.load(webhook_id)
    wanted = Wanted(enabled=request.form.get("state") == "enabled")
    webhooks.change(connections().context, webhook, wanted)
    return _back(webhook_id)


@signed_in
def delete_webhook(webhook_id: str) -> Any:
    webhooks.remove(routes.load(webhook_id))
    return redirect(url_for("ui.list_webhooks"), 303)


@signed_in
def redeliver(webhook_id: str) -> Any:
    webhooks.send_again(routes.load(webhook_id), request.form.get("delivery", ""))
    connections().hints.notify(g.request_id)
    return _back(webhook_id)


def _back(webhook_id: str) -> Any:
    return redirect(url_for("ui.show_webhook", webhook_id=webhook_id), 303)
