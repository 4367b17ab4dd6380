"""The context of a command: the API, the terminal, and the choice of JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import click
from rich.console import Console, RenderableType

from bvbrc_workflows_client.session import Session
from bvbrc_workflows_client.tokens import Token
from cli.show.failures import Failed
from cli.show.views import refusal

Json = Any
Given = ParamSpec("Given")
Result = TypeVar("Result")
_PIPE_WIDTH: Final = 200
"""Columns when the output is no terminal: tables in files and pipes are not cut at 80."""


@dataclass(slots=True)
class Screen:
    """Writes results for a person or, as JSON, for a script."""

    api: Session
    token: Token | None
    json: bool = False
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    def show(self, found: Json, view: Callable[[Json], RenderableType]) -> None:
        """Prints a result as JSON, one value a line, or as the view renders it."""
        if self.json:
            click.echo(json_line(found))
        else:
            self.out.print(view(strip_controls(found)))

    def say(self, text: str) -> None:
        """Prints a message for people; it is left out of JSON output."""
        if not self.json:
            self.err.print(strip_controls(text))

    def fail(self, failure: Failed) -> None:
        if self.json:
            click.echo(json_line(failure.as_json()))
        else:
            found = strip_controls(failure.as_json())
            self.err.print(refusal(found["detail"], found["errors"]))


def json_line(found: Json) -> str:
    """One line of JSON. Characters that a terminal would obey are escaped: control characters, and
    those that turn the direction of text. So are all beyond ASCII, where the output has no UTF-8.
    """
    text = json.dumps(found, ensure_ascii=not _takes_all(sys.stdout.encoding))
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def strip_controls(found: Json) -> Json:
    """Without characters that a terminal would obey: the texts are other people's."""
    if isinstance(found, str):
        return "".join(char if char.isprintable() or char == "\n" else "�" for char in found)
    if isinstance(found, list):
        return [strip_controls(each) for each in found]
    if isinstance(found, dict):
        return {strip_controls(name): strip_controls(value) for name, value in found.items()}
    return found


def command(
    function: Callable[Concatenate[Screen, Given], Result],
) -> Callable[Given, Result]:
    """Declares a command: its function gets the screen first, and it has the option ``--json``."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON, one value to a line.")
    @click.pass_obj
    @wraps(function)
    def run_command(screen: Screen, /, *args: Given.args, **given: Given.kwargs) -> Result:
        screen.json = bool(given.pop("as_json"))
        return function(screen, *args, **given)

    return run_command


def replace_unknown_characters() -> None:
    """What an output cannot show becomes ``?``, and no exception: in ASCII, Latin-1 and Windows'
    pipes, and in UTF-8 the bytes of arguments and of names of files that are none.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _takes_all(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("-", "").startswith("utf")


def _console(*, stderr: bool) -> Console:
    """A console without markup, emoji codes and guessed colours, which prints texts unchanged."""
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console
