"""Commands for operators: ``flask db …`` and ``flask credentials …``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

import click
from flask.cli import AppGroup

from app.connections import connections
from tasks.retention import keep_of
from workflows.engine.context import EngineContext
from workflows.engine.purge import purge as remove_old
from workflows.model.errors import Unavailable
from workflows.store import connection, indexes, migrations
from workflows.store.statistics import progress
from workflows.store.users import credentials as sealed
from workflows.store.webhooks import changes as webhooks

PATIENCE_SECONDS: Final = 600.0
"""How long a command waits for MongoDB."""
_PAUSE_SECONDS: Final = 1.0


def _patient(work: Callable[..., None]) -> Callable[..., None]:
    """A command that waits for MongoDB as long as an operator would: the work is done again from
    its start until MongoDB has answered throughout."""

    @wraps(work)
    def run(**options: Any) -> None:
        began, said = time.monotonic(), False
        while True:
            try:
                return work(connections().patient_context(), **options)
            except Unavailable as away:
                if time.monotonic() - began >= PATIENCE_SECONDS:
                    raise click.ClickException(
                        f"{away}. MongoDB at {_servers()} was waited for, for"
                        f" {PATIENCE_SECONDS:.0f} s. When it answers, run the command again."
                    ) from None
                if not said:
                    click.echo(
                        f"{away}. The command waits for MongoDB at {_servers()}, for"
                        f" {PATIENCE_SECONDS:.0f} s at most; Ctrl-C ends it.",
                        err=True,
                    )
                said = True
            time.sleep(_PAUSE_SECONDS)

    return run


def _servers() -> str:
    """Without user and password."""
    known = connection.client().topology_description.server_descriptions()
    return ", ".join(sorted(f"{host}:{port}" for host, port in known))


credentials = AppGroup("credentials", help="Users' tokens, sealed at rest.")
db = AppGroup("db", help="Maintain MongoDB: indexes, migrations, old data.")


@credentials.command()
@_patient
def rotate(context: EngineContext) -> None:
    """Seal every token again under the first of auth.token_keys; then old keys can be removed.

    The secrets of webhooks, too.
    """
    done, lost = sealed.rotate(context.vault)
    click.echo(f"{done} tokens sealed under the first key")
    if lost:
        click.echo(f"{lost} tokens cannot be opened by any key: their users must hand in new ones")
    secrets, lost_secrets = webhooks.reseal(context.vault)
    if secrets:
        click.echo(f"{secrets} secrets of webhooks sealed under the first key")
    if lost_secrets:
        click.echo(f"{lost_secrets} of them cannot be opened: their users must rotate them")
    if lost or lost_secrets:
        raise SystemExit(1)


@db.command("indexes")
@click.option("--drop-stale", is_flag=True, help="Drop indexes that this release does not need.")
@_patient
def make_indexes(_context: EngineContext, *, drop_stale: bool) -> None:
    """Create missing indexes; processes do the same when they start."""
    for collection, keys in indexes.missing():
        click.echo(f"{collection}: is made, which takes minutes if it is large: {_fields(keys)}")
    indexes.ensure()
    stale = indexes.stale()
    for collection, keys in stale:
        click.echo(f"{collection}: not needed: {_fields(keys)}")
    if drop_stale:
        indexes.drop(stale)
    click.echo(f"every index is there; {len(stale)} {'dropped' if drop_stale else 'not needed'}")


@db.command()
@_patient
def migrate(_context: EngineContext) -> None:
    """Do the migrations that this release brings; an interrupted one goes on."""
    for migration, changed in migrations.migrate():
        click.echo(f"{migration.number}: {migration.what}: {changed} documents changed")
    click.echo(f"the schema is at version {migrations.version()}")


@db.command()
@_patient
def purge(context: EngineContext) -> None:
    """Delete now the data that is older than the settings of `retention` allow."""
    click.echo(
        f"{remove_old(context, keep_of(connections().settings.retention))} workflows removed"
    )


@db.command()
@_patient
def status(context: EngineContext) -> None:
    """Show unfinished and waiting work, and pending migrations."""
    found = progress(context.limits.user_jobs)
    click.echo(
        f"schema version {migrations.version()}, {len(migrations.pending())} migrations pending"
    )
    click.echo("workflows: " + _counts(found.workflows))
    click.echo("jobs: " + _counts(found.jobs))
    click.echo(f"jobs in doubt: {found.in_doubt}, waiting for a token: {found.parked}")
    click.echo(f"longest overdue: {found.overdue}, longest unsent: {found.unsent}")
    for each in found.present:
        click.echo(f"{each.kind}: heard of {each.seen} ago {' '.join(each.queues)}".rstrip())


def _fields(keys: indexes.Keys) -> str:
    return ", ".join(field for field, _ in keys)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items())
