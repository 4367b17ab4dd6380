"""The pages under ``/ui``: the same engine and rules as the API, for browsers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import (
    Blueprint,
    Flask,
    Response,
    g,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from werkzeug.exceptions import HTTPException, NotFound

from app.http import errors
from app.http.auth import OPEN, needs
from app.ui import (
    actions,
    admin_pages,
    batch_pages,
    formatting,
    hold_pages,
    many_pages,
    template_pages,
    workflow_list,
    workflow_pages,
)
from app.ui.access import pending, session, sign_in, token_page
from app.ui.messages import email_pages, webhook_pages
from app.ui.saving import page as saving_page
from app.ui.sheets import page as sheet_page
from app.ui.start import app_form, choice, document_page, former, template_form
from workflows.model.errors import BadToken, WorkflowsError

_STATIC: Final = Path(__file__).parent / "static"
_YEAR_SECONDS: Final = 31_536_000
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "Cache-Control": "no-store",
    # Ids stay here; with "no-referrer" browsers call the origin of our own forms "null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def register(app: Flask) -> None:
    blueprint = Blueprint("ui", __name__, url_prefix="/ui", template_folder="templates")
    tables = (workflow_list, many_pages, batch_pages, template_pages)
    lists = (*tables, webhook_pages, email_pages, hold_pages, admin_pages)
    for part in (*lists, workflow_pages, actions, token_page, sign_in):
        part.register(blueprint)
    for part in (choice, app_form, template_form, document_page, sheet_page, former, saving_page):
        part.register(blueprint)
    blueprint.add_url_rule("/static/<path:name>", "asset", asset)
    blueprint.add_url_rule("/<path:rest>", "nothing", nothing)
    blueprint.register_error_handler(WorkflowsError, _error_page)
    blueprint.register_error_handler(HTTPException, _error_page)
    blueprint.after_request(_add_security_headers)
    blueprint.app_template_global("asset_url")(asset_url)
    for name in ("span", "moment", "machine", "state", "reason", "tick", "short", "format_count"):
        blueprint.app_template_filter(name)(getattr(formatting, name))
    blueprint.context_processor(_always)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(blueprint)
    app.add_url_rule("/", "front", front)


@needs(OPEN)
def front() -> Any:
    """Redirects the bare address to the pages."""
    return redirect(url_for("ui.list_workflows"))


@needs(OPEN)
def asset(name: str) -> Response:
    return send_from_directory(_STATIC, name, max_age=_YEAR_SECONDS)


@needs(OPEN)
def nothing(rest: str) -> Response:
    raise NotFound(f"There is no page /ui/{rest}.")


@cache
def asset_url(name: str) -> str:
    """With a mark of its content, so that browsers may keep it for ever."""
    mark = hashlib.blake2b((_STATIC / name).read_bytes(), digest_size=6).hexdigest()
    return f"/ui/static/{name}?{mark}"


def _always() -> dict[str, Any]:
    identity = g.get("identity")
    return {
        "session": g.get("session"),
        "identity": identity,
        "today": datetime.now(UTC),
        "banner": hold_pages.banner(identity.user) if identity else [],
    }


def _add_security_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        if name != "Cache-Control" or request.endpoint != "ui.asset":
            response.headers[name] = value
    return response


def _error_page(error: WorkflowsError | HTTPException) -> Any:
    """The API's error as a page; an ended session leads to the sign-in, and back."""
    if isinstance(error, BadToken):
        return sign_in.ask_again()
    if isinstance(error, session.OldForm):
        return Response(sign_in.pending_page(pending.of_request()), HTTPStatus.FORBIDDEN)
    told = errors.error_response(error)
    body = told.get_json()
    page = render_template("error.html", status=told.status_code, detail=body["detail"])
    return Response(page, told.status_code, mimetype="text/html")
