"""Routes about webhooks: create, show, change, test, rotate, delete; their deliveries."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, g, request
from flask_smorest import Blueprint

from app.api.schemas.request_schemas import Nothing
from app.connections import connections
from app.http import request_bodies
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from app.webhooks import schemas
from app.webhooks.requests import CHANGES, FIELDS, read_wanted
from workflows.engine.notifications import webhooks
from workflows.engine.notifications.webhooks import Created, Wanted
from workflows.store.webhooks.stored import StoredWebhook

blueprint = Blueprint(
    "webhooks", __name__, description="Messages about events to your own server (docs/webhooks.md)."
)

_NOTHING: Final = Body(Nothing, {"nothing": {}}, required=False)
_WEBHOOK: Final = Answer("The webhook", {JSON: schemas.Webhook}, schemas.WEBHOOK)
_DELIVERY: Final = Answer("It is sent", {JSON: schemas.Delivery}, schemas.DELIVERY)


@route(
    blueprint,
    "POST",
    "/webhooks",
    body=Body(schemas.NewWebhook, {"one project": schemas.REQUEST}),
    answers={
        201: Answer(
            "It hears of what happens from a second later on",
            {JSON: schemas.CreatedWebhook},
            schemas.WEBHOOK | schemas.SECRET,
            ["Location"],
        )
    },
    refuses=[403, 409],
)
def create_webhook() -> Response:
    """Create a webhook

    The answer holds the secret that messages are signed with; no other answer does. 409 if you have
    as many as the operator allows.
    """
    made = create(read_wanted(request_bodies.read_optional_object(request), FIELDS, ["url"]))
    body = {**webhooks.view(made.webhook), "secret": made.secret}
    return as_json(body, 201, {"Location": f"/api/v1/webhooks/{made.webhook.id}"})


@route(
    blueprint,
    "GET",
    "/webhooks",
    answers={200: Answer("All of them", {JSON: schemas.WebhookList})},
)
def list_webhooks() -> Response:
    """List the caller's webhooks

    Newest first.
    """
    found = webhooks.of_owner(caller().name)
    return as_json({"webhooks": [webhooks.view(each) for each in found]})


@route(
    blueprint,
    "GET",
    "/webhooks/<webhook_id>",
    answers={200: _WEBHOOK},
    refuses=[403, 404],
)
def get_webhook(webhook_id: str) -> Response:
    """Show a webhook"""
    return as_json(webhooks.view(load(webhook_id)))


@route(
    blueprint,
    "PATCH",
    "/webhooks/<webhook_id>",
    body=Body(schemas.ChangeWebhook, {"enable it again": {"state": "enabled"}}),
    answers={200: _WEBHOOK},
    refuses=[403, 404],
)
def change_webhook(webhook_id: str) -> Response:
    """Change a webhook, disable it, or enable it again

    While it is disabled nothing is sent to it: what waits fails and can be asked for again with
    `redeliver`, and what happens in the meantime is not reported.
    """
    wanted = read_wanted(request_bodies.read_optional_object(request), CHANGES, [])
    found = webhooks.change(connections().context, load(webhook_id), wanted)
    return as_json(webhooks.view(found))


@route(
    blueprint,
    "DELETE",
    "/webhooks/<webhook_id>",
    answers={204: Answer("It is deleted; nothing more is sent")},
    refuses=[403, 404],
)
def delete_webhook(webhook_id: str) -> Response:
    """Delete a webhook with its deliveries"""
    webhooks.remove(load(webhook_id))
    return Response(status=204)


@route(
    blueprint,
    "POST",
    "/webhooks/<webhook_id>/test",
    body=_NOTHING,
    answers={202: _DELIVERY},
    refuses=[403, 404, 409],
)
def send_test_message(webhook_id: str) -> Response:
    """Send a test message

    Its event is `webhook.test`. 409 if the webhook is disabled.
    """
    request_bodies.read_optional_object(request)
    delivery = webhooks.send_test(connections().context, load(webhook_id))
    connections().hints.notify(g.request_id)
    return as_json(webhooks.delivery_view(delivery), 202)


@route(
    blueprint,
    "POST",
    "/webhooks/<webhook_id>/rotate",
    body=_NOTHING,
    answers={200: Answer("The new secret", {JSON: schemas.Secret}, schemas.SECRET)},
    refuses=[403, 404],
)
def rotate_webhook(webhook_id: str) -> Response:
    """Replace the secret

    For 24 hours messages carry a signature by each of the two.
    """
    request_bodies.read_optional_object(request)
    found = load(webhook_id)
    secret = webhooks.rotate(connections().context, found)
    return as_json({"webhook_id": found.id, "secret": secret})


@route(
    blueprint,
    "GET",
    "/webhooks/<webhook_id>/deliveries",
    answers={200: Answer("A page of them", {JSON: schemas.Deliveries})},
    query=schemas.DeliveryQuery,
    refuses=[403, 404],
)
def list_deliveries(arguments: dict[str, Any], webhook_id: str) -> Response:
    """List the messages to a webhook

    Newest first; they are kept for 30 days. What the receiver answered is not kept.
    """
    size, following = arguments["page_size"], arguments["page_token"]
    found, token = webhooks.page_of(load(webhook_id), size, following)
    shown = [webhooks.delivery_view(each) for each in found]
    return as_json({"deliveries": shown, "next_page_token": token})


@route(
    blueprint,
    "POST",
    "/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver",
    body=_NOTHING,
    answers={202: _DELIVERY},
    refuses=[403, 404, 409],
)
def redeliver(webhook_id: str, delivery_id: str) -> Response:
    """Send a message again

    The same bytes under the same id. 409 if the webhook is disabled.
    """
    request_bodies.read_optional_object(request)
    delivery = webhooks.send_again(load(webhook_id), delivery_id)
    connections().hints.notify(g.request_id)
    return as_json(webhooks.delivery_view(delivery), 202)


def load(webhook_id: str) -> StoredWebhook:
    """The webhook, where the caller of this route may see it. Raises ``NotFound``,
    ``Forbidden``."""
    return webhooks.load(webhook_id, connections().gate.viewer())


def create(wanted: Wanted) -> Created:
    """Raises ``Invalid``, ``QuotaExceeded``."""
    found, user = connections(), caller().name
    made = webhooks.create(found.context, user, wanted)
    if made is None:
        found.quotas.refuse_webhook(found.settings.webhooks.per_user)
    return made
