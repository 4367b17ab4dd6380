"""The commands that documents show, and the reasons for which tests leave some out.

A comment in the page's source, ``<!-- not run: REASON -->``, stands on the command's own line, or
before the block or paragraph that it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.shared import ROOT

DOCS = ROOT / "docs"
GUIDE = sorted([DOCS / "index.md", *DOCS.glob("tutorial/*.md"), *DOCS.glob("how-to/*.md")])
PAGES = [ROOT / "README.md", *GUIDE]
_SHELLS = ("sh", "bash", "console")
_PROGRAMS = re.compile(
    r"(?:bvbrc-workflows|flask|celery|gunicorn|docker|systemctl|kubectl|mongo\w+|curl|python3?) \S"
    r"|p3-\w+$|\./scripts/\w+\.sh|\.venv\S*/bin/\w+ (?!-m cli$)\S"
)
_MARK = re.compile(r"<!-- not run: (.+?) -->")
_FENCE = re.compile(r" *```(\w*)")


@dataclass(frozen=True)
class Block:
    """A fenced block, without its indent."""

    kind: str
    text: str
    reason: str
    """Why it is not run; empty: it is."""


@dataclass(frozen=True)
class Command:
    """A command in the text, or a line of a shell's block with the lines that continue it."""

    text: str
    reason: str
    in_block: bool = False


def blocks(page: Path, *kinds: str) -> list[Block]:
    """Those of these kinds, in their order."""
    return [each for each in _parts(page) if isinstance(each, Block) and each.kind in kinds]


def commands(page: Path) -> Iterator[Command]:
    """All commands of a page, in their order."""
    for part in _parts(page):
        if isinstance(part, Command):
            yield part
        elif part.kind in _SHELLS:
            yield from (Command(line, part.reason, True) for line in _logical_lines(part.text))


def _parts(page: Path) -> Iterator[Block | Command]:
    reason = ""
    lines = iter(page.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if fence := _FENCE.match(line):
            indent = len(line) - len(line.lstrip())
            text = "\n".join(each[indent:] for each in _until_fence(lines))
            yield Block(fence[1], text, reason)
            reason = ""
        elif mark := _MARK.fullmatch(line.strip()):
            reason = mark[1]
        elif line.strip():
            own = _MARK.search(line)
            found = re.findall(r"`([^`]+)`", _MARK.sub("", line))
            for text in filter(_PROGRAMS.match, found):
                yield Command(text.strip(), own[1] if own else reason)
            reason = reason if found else ""


def _until_fence(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if _FENCE.match(line):
            return
        yield line


def _logical_lines(text: str) -> list[str]:
    whole = re.sub(r"\\\n\s*", "", text)
    lines = (line.removeprefix("$ ") for line in whole.splitlines())
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
