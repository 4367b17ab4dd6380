"""A form that its session did not live to see: after signing in it is shown again, and sent by one
press. Nothing of it is stored: its fields travel through the page of the sign-in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException

FIELD: Final = "pending."
"""Begins the names of the hidden fields; the path stands under ``pending``."""
_OWN: Final = ("secret",)
"""What belongs to the session that has ended."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What was to be sent, and where to."""

    path: str
    action: str
    """What it does, in words."""
    fields: tuple[tuple[str, str], ...]

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """Names and values that carry it through another form."""
        return [("pending", self.path), *((f"{FIELD}{name}", text) for name, text in self.fields)]


def of_request() -> Pending | None:
    """The form of the present request; None where there is none to be sent again, or where it is
    none of ours.
    """
    ends_there = request.endpoint in ("ui.sign_out", "ui.sign_in")
    if request.method != "POST" or ends_there or "secret" not in request.form:
        return None
    sent = request.form.items(multi=True)
    fields = tuple((name, text) for name, text in sent if name not in _OWN)
    return Pending(request.path, _words(request.endpoint or ""), fields)


def read_carried() -> Pending | None:
    """The one that the form of the sign-in carries."""
    path = request.form.get("pending", "")
    if not is_page_path(path):
        return None
    try:
        endpoint, _ = current_app.url_map.bind(request.host).match(path, method="POST")
    except HTTPException:
        return None
    sent = request.form.items(multi=True)
    fields = tuple((name[len(FIELD) :], text) for name, text in sent if name.startswith(FIELD))
    return Pending(path, _words(endpoint), fields)


def _words(endpoint: str) -> str:
    """``ui.forget_token`` forgets a token: views are named for what they do."""
    return endpoint.rpartition(".")[2].replace("_", " ")


def came_from() -> str:
    """The page of ours on which the form stood, with its query; empty if it is not known."""
    found = urlsplit(request.headers.get("Referer", ""))
    place = f"{found.path}?{found.query}" if found.query else found.path
    return place if found.netloc == request.host and is_page_path(place) else ""


def is_page_path(place: str) -> bool:
    """Whether it leads to a page of ours, and not to another address."""
    is_plain = place.isprintable() and "\\" not in place and "//" not in place
    return is_plain and place.startswith("/ui/")
