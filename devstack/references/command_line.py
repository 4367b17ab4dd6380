"""docs/commands.md: every command of ``bvbrc-workflows`` with its arguments and options."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import PROGRAM, main
from cli.show import failures
from devstack.references.tables import table

HEAD = f"""# Commands and options

Made from the code of `{PROGRAM}` by `./scripts/references.sh`; a test compares them. In a checkout
it is `.venv/bin/python -m cli`. What the commands are for, whose token they take, and their exit
codes: [The command line](cli.md). Every command also takes `--json` and `--help`, and the options
of the first table may stand before it.
"""
_EVERYWHERE = {"--json", "--help"}


def render() -> str:
    """The whole page."""
    whole = "".join(_describe(path, command) for path, command in leaves(main, ()))
    return f"{HEAD}\n## {PROGRAM}\n\n{_options(main)}{whole}"


def leaves(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that lead to it."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def _describe(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"{PROGRAM} {path}")
    usage = " ".join(command.collect_usage_pieces(context))
    about = " ".join((command.help or "").split())
    options = _options(command)
    return f"\n## {path}\n\n`{path} {usage}`\n\n{about}\n{options and chr(10) + options}"


def _options(command: click.Command) -> str:
    lines = [
        (f"`{', '.join(each.opts + each.secondary_opts)}`{_value(each)}", _meaning(each))
        for each in command.params
        if isinstance(each, click.Option) and not _EVERYWHERE & set(each.opts) and not each.hidden
    ]
    return table(("option", "meaning"), lines) if lines else ""


def _value(option: click.Option) -> str:
    if option.is_flag or option.count:
        return ""
    context = click.Context(click.Command("x"))
    many = " (several times)" if option.multiple else ""
    return f" {option.make_metavar(context)}{many}"


def _meaning(option: click.Option) -> str:
    usual = option.default
    shown = option.show_default and usual not in (None, "", False, ()) and not callable(usual)
    return (option.help or "") + (f" Default: `{usual}`." if shown else "")


def render_exit_codes() -> str:
    """Of ``Exit``: each member's value, and the text below it."""
    tree = ast.parse(Path(failures.__file__).read_text(encoding="utf-8"))
    (declared,) = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Exit"
    ]
    lines = [
        (str(failures.Exit[each.targets[0].id].value), below.value.value)
        for each, below in zip(declared.body, declared.body[1:], strict=False)
        if isinstance(each, ast.Assign)
        and isinstance(each.targets[0], ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    ]
    return table(("code", "means"), [*lines, ("130", "Ctrl-C")])
