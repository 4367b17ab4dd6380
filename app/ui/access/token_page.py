"""The page about the token that the engine keeps of a user."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.connections import connections
from app.http.auth import caller
from app.ui.access.session import signed_in
from workflows.engine import deleting
from workflows.engine.tokens.views import credentials_of
from workflows.store.users import preferences as users


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/token", "show_token", show_token)
    blueprint.add_url_rule("/token", "forget_token", forget_token, methods=["POST"])
    blueprint.add_url_rule("/token/renewal", "change_renewal", change_renewal, methods=["POST"])


@signed_in
def show_token() -> str:
    kept = credentials_of(connections().context, caller().name)
    return render_template(
        "token.html", kept=kept, ends=_time(kept["expires_at"]), renewed=_time(kept["renewed_at"])
    )


@signed_in
def forget_token() -> Any:
    """Deletes the user's token from the engine; the one in the session stays."""
    deleting.forget_token(caller().name)
    return redirect(url_for("ui.list_workflows"), 303)


@signed_in
def change_renewal() -> Any:
    users.set_renewal(caller().name, wanted=request.form.get("renew") == "yes")
    return redirect(url_for("ui.show_token"), 303)


def _time(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None
