"""Commands for operators: ``flask --app wsgi credentials rotate``."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.connections import connections
from workflows.store import credentials as store

credentials = AppGroup("credentials", help="Users' tokens, sealed at rest.")


@credentials.command()
def rotate() -> None:
    """Seal every token anew under the first of auth.token_keys; then old keys may be removed."""
    done, lost = store.rotate(connections().parts.vault)
    click.echo(f"{done} tokens sealed under the first key")
    if lost:
        click.echo(f"{lost} tokens cannot be opened by any key: their users must hand in new ones")
        raise SystemExit(1)
