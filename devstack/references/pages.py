"""Which files, and which parts of pages, are made from the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from app.api.reference import render_reference
from devstack.records import ROOT
from devstack.references import command_line, document, errors, metrics, settings, settings_file

PAGES: Mapping[str, Callable[[], str]] = {
    "config/config.yaml": settings_file.render,
    "docs/agents.md": render_reference,
    "docs/commands.md": command_line.render,
    "docs/document.md": document.render,
    "docs/settings.md": settings.render,
}
"""Whole files. (docs/states.md has a script of its own.)"""
PARTS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/cli.md", "exit codes"): command_line.render_exit_codes,
    ("docs/operations.md", "metrics"): metrics.render,
    **{("docs/errors.md", part): render for part, render in errors.parts().items()},
}
"""What stands between ``<!-- made from the code: NAME -->`` and ``<!-- end -->``."""


def render_all() -> dict[str, str]:
    """The path of each page to its whole text, as it should be."""
    found = {name: render() for name, render in PAGES.items()}
    for (name, part), render in PARTS.items():
        text = found.get(name) or (ROOT / name).read_text(encoding="utf-8")
        found[name] = _put(text, part, render())
    return found


def _put(text: str, part: str, content: str) -> str:
    begin, end = f"<!-- made from the code: {part} -->\n", "<!-- end -->"
    place = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
    if not place.search(text):
        raise LookupError(f"a page has no place for {part}: {begin}")
    return place.sub(lambda found: f"{found[1]}\n{content}\n{found[2]}", text, count=1)
