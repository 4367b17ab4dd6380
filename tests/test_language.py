"""The product speaks plain English: words that readers have to translate occur nowhere in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import ROOT

BANNED = re.compile(r"\b(whoever|whomever|somebody|told|shall|anew|meanwhile)\b", re.IGNORECASE)
FOLDERS = (
    "agents", "app", "bvbrc_workflows_client", "cli", "config", "devstack", "observability",
    "runtime", "server", "simulator", "tasks", "workflows",
)  # fmt: skip
CODE = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
TEXTS = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md", "app/ui/**/*.html", "app/ui/**/*.js", "deploy/**/*.*")
    for file in ROOT.glob(pattern)
    if file.is_file() and file.suffix != ".pyc"
)
PARTICIPLES_MOST = 0.01
"""The part of functions that may have a one-word participle as their name."""
IRREGULAR = frozenset(
    {
        "begun", "bought", "bound", "broken", "brought", "built", "caught", "chosen",
        "cut", "done", "drawn", "fed", "felt", "found", "frozen", "given", "gone",
        "grown", "heard", "held", "hidden", "kept", "known", "led", "left", "lost",
        "made", "meant", "met", "paid", "run", "said", "seen", "sent", "set", "shown",
        "sought", "spoken", "spread", "stolen", "taken", "thought", "thrown", "told",
        "torn", "understood", "worn", "written",
    }
)  # fmt: skip
NOT_PARTICIPLES = frozenset({"cut", "embed", "feed", "need", "run", "seed", "set", "spread"})


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_comment_or_message_needs_translation(folder: str) -> None:
    texts = [
        (file.relative_to(ROOT), line, text)
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, text in [*_strings(file), *_comments(file)]
    ]

    assert not [where for where in texts if BANNED.search(where[2])]


def test_no_document_page_or_template_needs_translation() -> None:
    lines = [
        (file.relative_to(ROOT), number, line)
        for file in TEXTS
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    ]

    assert not [where for where in lines if BANNED.search(where[2])]


def test_functions_are_verbs_and_not_participles() -> None:
    names = [
        (str(file.relative_to(ROOT)), node.name)
        for file in CODE
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    participles = [where for where in names if _is_participle(where[1].strip("_"))]

    assert len(participles) < PARTICIPLES_MOST * len(names), participles


def _is_participle(name: str) -> bool:
    regular = name.endswith("ed") or name in IRREGULAR
    return "_" not in name and regular and name not in NOT_PARTICIPLES


def _strings(file: Path) -> Iterator[tuple[int, str]]:
    """Docstrings, and the texts that consist of several words."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def _comments(file: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if "  # " in line or line.lstrip().startswith("# "):
            yield number, line[line.index("# ") :]
