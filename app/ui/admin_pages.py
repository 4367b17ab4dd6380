"""The page for operators."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, render_template

from app.admin.overview import read_overview
from app.ui import formatting
from app.ui.access.session import signed_in


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/admin", "admin", admin)


@signed_in
def admin() -> Any:
    return render_template("admin.html", found=read_overview(), say=_say, as_span=_span)


def _span(seconds: float) -> str:
    return formatting.span(timedelta(seconds=seconds))


def _say(stamp: str | None) -> str:
    """A time of the overview for people."""
    return formatting.moment(datetime.fromisoformat(stamp)) if stamp else ""
