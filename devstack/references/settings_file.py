"""config/config.yaml: every setting with its default, each below its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.settings import Settings
from devstack.references.settings import meanings, model

HEAD: Final = """\
# Made from the code by ./scripts/references.sh. Every key with its default; one behind a # is not
# set, or secret. An environment variable WORKFLOW_<SECTION>__<KEY> overrides the file (lists and
# objects as JSON); WORKFLOW_CONFIG_FILE names another file. An unknown key stops the process.
"""
_WIDTH: Final = 100


def render() -> str:
    """The whole file."""
    texts = meanings()
    return HEAD + "".join(
        "\n".join(["", *_section(name, texts), ""]) for name in Settings.model_fields
    )


def _section(name: str, texts: dict[tuple[str, str], str]) -> Iterator[str]:
    declared = model(name)
    yield from _comment(" ".join((declared.__doc__ or "").split()))
    yield f"{name}:"
    for key, field in declared.model_fields.items():
        yield from _comment(texts.get((declared.__name__, key), ""), "  ")
        yield f"  {_mark(field)}{key}: {_value(field.get_default())}".rstrip()


def _comment(text: str, indent: str = "") -> list[str]:
    lead = f"{indent}# "
    text = text.replace("`", "")
    return wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False)


def _mark(field: FieldInfo) -> str:
    """Behind it stands a key that the file does not set."""
    value = field.get_default()
    is_missing = value is None or (value == () and bool(field.validate_default))
    is_secret = isinstance(value, SecretStr) and bool(value.get_secret_value())
    return "#" if is_missing or is_secret else ""


def _value(value: Any) -> str:
    """In YAML, on one line; empty for None."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Path):
        value = str(value)
    plain = list(value) if isinstance(value, tuple) else value
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
