"""Stored rows stay inside ``workflows/store``: everything else reads frozen values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTSIDE = [
    path
    for folder in ("app", "tasks", "runtime", "observability", "workflows/engine")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".html")
]
RAW = {
    "a row's key": re.compile(r"""\[["']_id["']\]|\._id\b|get\(["']_id["']"""),
    "the type of a row": re.compile(r"store\.mongo import [^\n]*\bRow\b"),
    "a collection": re.compile(r"store\.mongo import [^\n]*\bcollection\b|\b_get_collection\b"),
    "a field of a row": re.compile(r"""\brow(\[["']|\.get\()"""),
}
"""What shows that stored rows are read, as it stands in source and templates."""


@pytest.mark.parametrize("shown", RAW)
def test_no_stored_row_leaves_the_store(shown: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in OUTSIDE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if RAW[shown].search(line)
    ]

    assert found == []


def test_routes_and_pages_load_workflows_through_the_one_door() -> None:
    past_the_door = re.compile(r"\bstored\.get\(|workflow_rows|import stored\b")
    found = [
        str(path.relative_to(ROOT))
        for path in OUTSIDE
        if path.is_relative_to(ROOT / "app") and past_the_door.search(path.read_text("utf-8"))
    ]

    assert found == []
