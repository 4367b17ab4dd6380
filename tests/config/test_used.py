"""Every setting does something: it is read outside of where it is declared."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from config import sections
from config.settings import Settings
from workflows.store import documents

ROOT = Path(__file__).parent.parent.parent
SECTIONS = {Path(inspect.getfile(each.annotation)) for each in Settings.model_fields.values()}  # type: ignore[arg-type]
DECLARED = {*SECTIONS, ROOT / "config/settings.py"}
READERS = (
    "agents",
    "app",
    "tasks",
    "runtime",
    "observability",
    "config",
    "wsgi.py",
    "celeryconfig.py",
    "gunicorn.conf.py",
)


def read_names() -> set[str]:
    """Every attribute that the code looks at, and in a section's own properties on itself."""
    files = [
        file
        for each in READERS
        for file in ([ROOT / each] if each.endswith(".py") else (ROOT / each).rglob("*.py"))
    ]
    trees = [ast.parse(file.read_text("utf-8")) for file in files if file not in DECLARED]
    declared = [ast.parse(file.read_text("utf-8")) for file in SECTIONS]
    return {
        node.attr
        for tree in (*trees, *declared)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }


def test_every_setting_is_read_somewhere() -> None:
    keys = {
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    }
    read = read_names()

    assert len(keys) > 30
    assert {key for key in keys if key.rpartition(".")[2] not in read} == set()


def test_the_collection_of_workflows_cannot_be_another_one() -> None:
    others = {*documents.documents(), documents.AppSpecs} - {documents.Workflow}

    assert {document._get_collection_name() for document in others} == sections.TAKEN
