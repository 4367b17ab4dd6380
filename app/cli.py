"""Commands for operators: ``flask db …`` and ``flask credentials …``."""

from __future__ import annotations

from collections.abc import Mapping

import click
from flask.cli import AppGroup

from app.connections import connections
from tasks.retention import keep_of
from workflows.engine.purge import purge as remove_old
from workflows.store import documents, migrations
from workflows.store.statistics import progress
from workflows.store.users import credentials as sealed
from workflows.store.webhooks import changes as webhooks

credentials = AppGroup("credentials", help="Users' tokens, sealed at rest.")
db = AppGroup("db", help="Maintain MongoDB: indexes, migrations, old data.")


@credentials.command()
def rotate() -> None:
    """Seal every token again under the first of auth.token_keys; then old keys can be removed.

    The secrets of webhooks, too.
    """
    vault = connections().context.vault
    done, lost = sealed.rotate(vault)
    click.echo(f"{done} tokens sealed under the first key")
    if lost:
        click.echo(f"{lost} tokens cannot be opened by any key: their users must hand in new ones")
    secrets, lost_secrets = webhooks.reseal(vault)
    if secrets:
        click.echo(f"{secrets} secrets of webhooks sealed under the first key")
    if lost_secrets:
        click.echo(f"{lost_secrets} of them cannot be opened: their users must rotate them")
    if lost or lost_secrets:
        raise SystemExit(1)


@db.command()
@click.option("--drop-stale", is_flag=True, help="Drop indexes that this release does not need.")
def indexes(*, drop_stale: bool) -> None:
    """Create missing indexes; processes do the same when they start."""
    assert connections().context  # noqa: S101 - connects
    documents.ensure_indexes()
    stale = migrations.stale_indexes()
    for collection, keys in stale:
        click.echo(f"{collection}: not needed: {', '.join(field for field, _ in keys)}")
    if drop_stale:
        migrations.drop(stale)
    click.echo(f"every index is there; {len(stale)} {'dropped' if drop_stale else 'not needed'}")


@db.command()
def migrate() -> None:
    """Do the migrations that this release brings; an interrupted one goes on."""
    assert connections().context  # noqa: S101 - connects
    for migration, changed in migrations.migrate():
        click.echo(f"{migration.number}: {migration.what}: {changed} documents changed")
    click.echo(f"the schema is at version {migrations.version()}")


@db.command()
def purge() -> None:
    """Delete now the data that is older than the settings of `retention` allow."""
    context = connections().context
    click.echo(
        f"{remove_old(context, keep_of(connections().settings.retention))} workflows removed"
    )


@db.command()
def status() -> None:
    """Show unfinished and waiting work, and pending migrations."""
    found = progress(connections().context.limits.user_jobs)
    click.echo(
        f"schema version {migrations.version()}, {len(migrations.pending())} migrations pending"
    )
    click.echo("workflows: " + _counts(found.workflows))
    click.echo("jobs: " + _counts(found.jobs))
    click.echo(f"jobs in doubt: {found.in_doubt}, waiting for a token: {found.parked}")
    click.echo(f"longest overdue: {found.overdue}, longest unsent: {found.unsent}")
    for each in found.present:
        click.echo(f"{each.kind}: heard of {each.seen} ago {' '.join(each.queues)}".rstrip())


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items())
