"""Paths of the API's resources that only the command line uses."""

from __future__ import annotations

from urllib.parse import quote


def of_webhook(webhook_id: str, rest: str = "") -> str:
    """The path of a webhook's resource."""
    return f"/webhooks/{quote(webhook_id, safe='')}{rest}"


def of_address(address_id: str, rest: str = "") -> str:
    """The path of an e-mail address's resource."""
    return f"/email-addresses/{quote(address_id, safe='')}{rest}"


def of_template(template: str, rest: str = "") -> str:
    """The path of a template (``name``) or of one of its versions (``name@version``)."""
    return f"/templates/{quote(template, safe='@')}{rest}"
