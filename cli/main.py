"""``bvbrc-workflows``: its options, its commands, and how failures end it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import get_completion_class

from bvbrc_workflows_client import tokens
from bvbrc_workflows_client.errors import WorkflowsError
from bvbrc_workflows_client.session import Session
from bvbrc_workflows_client.version import __version__
from cli import batch, commands, holds, many, outputs, overview, status, steps, templates
from cli.documents import crate, plans, submit
from cli.messages import mail, webhook
from cli.show.failures import Exit, Failed, of_error
from cli.show.screen import Screen, replace_unknown_characters

PROGRAM: Final = "bvbrc-workflows"
SIGN_IN: Final = (
    "BV-BRC's p3-login writes one to ~/.patric_token, where it is found; or set $BVBRC_TOKEN,"
    " or name a file with --token-file."
)
LOCAL: Final = "http://127.0.0.1:8000"
PATIENCE_SECONDS: Final = 2.0
"""A person at a terminal rather sees a failure than waits; the exit code says to try again."""


class Commands(click.Group):
    """Reports failures as messages and exit codes."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        replace_unknown_characters()  # before anything is said of the command line itself
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Failed, WorkflowsError) as error:
            failure = error if isinstance(error, Failed) else of_error(error)
            if isinstance(ctx.obj, Screen):
                ctx.obj.fail(failure)
                _lead_on(ctx.obj, failure)
            ctx.exit(failure.code)


def _lead_on(screen: Screen, failure: Failed) -> None:
    """How to get a token, where none was found, or the one that was found has ended."""
    if failure.code is not Exit.NOT_ALLOWED:
        return
    token = screen.token
    if token is None:
        screen.say(f"There is no BV-BRC token. {SIGN_IN}")
    elif token.expires_at is not None and token.expires_at <= datetime.now(UTC):
        screen.say(f"The token of {token.source} expired {token.expires_at:%Y-%m-%d}. {SIGN_IN}")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--url",
    envvar="BVBRC_WORKFLOWS_URL",
    default=LOCAL,
    show_default=True,
    show_envvar=True,
    help="Where the workflow engine is.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with your BV-BRC token. Without it: $BVBRC_TOKEN, $P3_AUTH_TOKEN,"
    " $KB_AUTH_TOKEN, then ~/.patric_token.",
)
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def main(ctx: click.Context, url: str, token_file: Path | None) -> None:
    """Run workflows of BV-BRC jobs, watch and control them."""
    try:
        token = tokens.find(os.environ, Path.home(), token_file)
    except OSError as error:
        raise click.BadParameter(f"{token_file}: {error.strerror}", param_hint="--token-file")  # noqa: B904 - click prints the one line
    session = Session(url, token.text if token else "", PATIENCE_SECONDS)
    ctx.call_on_close(session.close)
    ctx.obj = Screen(session, token)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes your shell complete this command.

    For bash: bvbrc-workflows completion bash >> ~/.bashrc
    """
    found = get_completion_class(shell)
    if found is None:
        raise Failed(Exit.USAGE, f"There is no completion for {shell}.")
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    click.echo(found(main, {}, PROGRAM, variable).source())


for each in (
    submit.submit,
    submit.validate,
    submit.submit_cwl,
    plans.plan,
    plans.start,
    plans.document,
    status.status,
    status.watch,
    status.list_workflows,
    status.log,
    status.explain,
    status.forecast,
    status.reuse,
    steps.step,
    steps.timeline,
    crate.crate,
    outputs.outputs,
    outputs.download,
    outputs.stdout,
    outputs.stderr,
    commands.cancel,
    commands.retry,
    commands.delete,
    commands.priority,
    commands.token,
    holds.pause,
    holds.resume,
    holds.hold,
    batch.batch,
    many.many,
    templates.templates,
    webhook.webhook,
    mail.email,
    overview.apps,
    overview.usage,
    overview.overview,
):
    main.add_command(each)
