"""The pages of e-mail addresses: a user's list with a form, and those that links in letters lead
to, which need no sign-in: who has the link reads the letters.

A link is only looked at by GET, since programs that check mail follow links; its button does it.
The word that counts stands in the query, which is in no log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import Blueprint, g, redirect, render_template, request, url_for

from app.connections import connections
from app.emails import routes
from app.emails.requests import FIELDS, read_wanted
from app.http.auth import OPEN, caller, needs
from app.ui.access.session import signed_in
from workflows.engine.notifications import emails
from workflows.engine.notifications.emails import WantedAddress
from workflows.rules.mail.digests import EVENTS, NAMES, PATTERNS

_TIMES: Final = ("created_at", "last_success_at", "failing_since")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/email", "list_emails", list_emails)
    blueprint.add_url_rule("/email", "register_email", register_email, methods=["POST"])
    for verb, view in (
        ("test", test_email),
        ("state", change_email),
        ("delete", delete_email),
    ):
        blueprint.add_url_rule(f"/email/<address_id>/{verb}", view.__name__, view, methods=["POST"])
    both = ["GET", "POST"]
    blueprint.add_url_rule("/email/confirm", "confirm_email", confirm_email, methods=both)
    blueprint.add_url_rule("/email/leave", "leave_email", leave_email, methods=both)


@signed_in
def list_emails() -> str:
    found = [_parse_times(emails.view(each)) for each in emails.of_owner(caller().name)]
    mail = connections().settings.notifications.smtp
    names = [*PATTERNS, *NAMES]
    return render_template("emails.html", addresses=found, mail=mail, usual=EVENTS, names=names)


@signed_in
def register_email() -> Any:
    sent: dict[str, Any] = {
        "address": request.form.get("address", "").strip(),
        "events": request.form.get("events", "").replace(",", " ").split(),
    }
    routes.register(read_wanted(sent, FIELDS, ["address"]))
    return _back()


def _parse_times(view: dict[str, Any]) -> dict[str, Any]:
    """With times that the templates' filters take."""
    times = {name: view[name] for name in _TIMES if view.get(name)}
    return view | {name: datetime.fromisoformat(text) for name, text in times.items()}


@signed_in
def test_email(address_id: str) -> Any:
    emails.send_test(connections().context, routes.load(address_id))
    connections().hints.notify(g.request_id)
    return _back()


@signed_in
def change_email(address_id: str) -> Any:
    wanted = WantedAddress(enabled=request.form.get("state") == "enabled")
    emails.change(routes.load(address_id), wanted)
    return _back()


@signed_in
def delete_email(address_id: str) -> Any:
    emails.remove(routes.load(address_id))
    return _back()


@needs(OPEN)
def confirm_email() -> str:
    """The button of the link in the one letter that an address gets unasked."""
    if request.method == "POST":
        with connections().patience():
            emails.confirm(connections().context, request.args.get("word", ""))
    return render_template("email_confirm.html", is_done=request.method == "POST")


@needs(OPEN)
def leave_email() -> str:
    """The same of the link in every further letter; mail programs POST to it by themselves (RFC
    8058)."""
    if request.method == "POST":
        with connections().patience():
            emails.leave(request.args.get("address", ""), request.args.get("word", ""))
    return render_template("email_leave.html", is_done=request.method == "POST")


def _back() -> Any:
    return redirect(url_for("ui.list_emails"), 303)
