"""Routes about e-mail addresses: register, show, change, test, delete; the letters to them."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, g, request
from flask_smorest import Blueprint

from app.api.schemas.request_schemas import Nothing
from app.connections import connections
from app.emails import schemas
from app.emails.requests import CHANGES, FIELDS, read_wanted
from app.http import request_bodies
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from app.webhooks.schemas import DELIVERY, Deliveries, Delivery, DeliveryQuery
from workflows.engine.notifications import emails
from workflows.engine.notifications.emails import TooMany, WantedAddress
from workflows.engine.notifications.webhooks import delivery_view
from workflows.store.webhooks.addresses import StoredAddress

blueprint = Blueprint(
    "email addresses",
    __name__,
    description="Letters about the ends of workflows and batches (docs/email.md).",
)

_ADDRESS: Final = Answer("The address", {JSON: schemas.Address}, schemas.ADDRESS)


@route(
    blueprint,
    "POST",
    "/email-addresses",
    body=Body(schemas.NewAddress, {"ends of batches, and failures": schemas.REQUEST}),
    answers={
        202: Answer(
            "A letter asks its reader for a confirmation",
            {JSON: schemas.Address},
            {**schemas.ADDRESS, "state": "unconfirmed", "last_success_at": None},
            ["Location"],
        )
    },
    refuses=[403, 409],
)
def register_address() -> Response:
    """Register an e-mail address

    It gets one letter with a link that counts for a day, and no other until its reader has followed
    that. The answer is the same whether the address exists or not. Once more for an address that
    waits: another letter, and the former link no longer counts. 409 if you have as many addresses
    as the operator allows, 429 if you have asked for as many letters in a day.
    """
    wanted = read_wanted(request_bodies.read_optional_object(request), FIELDS, ["address"])
    found = register(wanted)
    location = {"Location": f"/api/v1/email-addresses/{found.id}"}
    return as_json(emails.view(found), 202, location)


@route(
    blueprint,
    "GET",
    "/email-addresses",
    answers={200: Answer("All of them", {JSON: schemas.AddressList})},
)
def list_addresses() -> Response:
    """List the caller's e-mail addresses

    Newest first. One that is not confirmed is deleted after a day.
    """
    found = emails.of_owner(caller().name)
    return as_json({"email_addresses": [emails.view(each) for each in found]})


@route(
    blueprint,
    "GET",
    "/email-addresses/<address_id>",
    answers={200: _ADDRESS},
    refuses=[403, 404],
)
def get_address(address_id: str) -> Response:
    """Show an e-mail address"""
    return as_json(emails.view(load(address_id)))


@route(
    blueprint,
    "PATCH",
    "/email-addresses/<address_id>",
    body=Body(schemas.ChangeAddress, {"no letters for now": {"state": "disabled"}}),
    answers={200: _ADDRESS},
    refuses=[403, 404, 409],
)
def change_address(address_id: str) -> Response:
    """Change what letters tell of, disable an address, or enable it again

    409 if an address is to be enabled that is not confirmed, or whose reader has unsubscribed.
    """
    wanted = read_wanted(request_bodies.read_optional_object(request), CHANGES, [])
    return as_json(emails.view(emails.change(load(address_id), wanted)))


@route(
    blueprint,
    "DELETE",
    "/email-addresses/<address_id>",
    answers={204: Answer("It is deleted; nothing more is sent")},
    refuses=[403, 404],
)
def delete_address(address_id: str) -> Response:
    """Delete an e-mail address with the letters to it"""
    emails.remove(load(address_id))
    return Response(status=204)


@route(
    blueprint,
    "POST",
    "/email-addresses/<address_id>/test",
    body=Body(Nothing, {"nothing": {}}, required=False),
    answers={202: Answer("It is sent", {JSON: Delivery}, DELIVERY)},
    refuses=[403, 404, 409],
)
def send_test_letter(address_id: str) -> Response:
    """Send a test letter

    409 unless the address is enabled.
    """
    request_bodies.read_optional_object(request)
    delivery = emails.send_test(connections().context, load(address_id))
    connections().hints.notify(g.request_id)
    return as_json(delivery_view(delivery), 202)


@route(
    blueprint,
    "GET",
    "/email-addresses/<address_id>/deliveries",
    answers={200: Answer("A page of them", {JSON: Deliveries})},
    query=DeliveryQuery,
    refuses=[403, 404],
)
def list_letters(arguments: dict[str, Any], address_id: str) -> Response:
    """List the letters to an e-mail address

    Newest first; they are kept for 30 days. None is shown before the address is confirmed.
    """
    size, following = arguments["page_size"], arguments["page_token"]
    found, token = emails.page_of(load(address_id), size, following)
    shown = [delivery_view(each) for each in found]
    return as_json({"deliveries": shown, "next_page_token": token})


def load(address_id: str) -> StoredAddress:
    """The address, where the caller of this route may see it. Raises ``NotFound``,
    ``Forbidden``."""
    return emails.load(address_id, connections().gate.viewer())


def register(wanted: WantedAddress) -> StoredAddress:
    """Raises ``Invalid``, ``QuotaExceeded``."""
    found = connections()
    try:
        made = emails.register(found.context, caller().name, wanted)
    except TooMany as reached:
        found.quotas.refuse(reached.limit, str(reached), reached.way_out, reached.retry_seconds)
    found.hints.notify(g.request_id)
    return made
