"""docs/settings.md: every setting with its type, limits, default and meaning."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Interval, Le, MinLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from config.settings import PREFIX, Settings
from devstack.references.tables import table

HEAD = """# Settings

Made from the code by `./scripts/references.sh`, as the shipped `config/config.yaml` is. An
environment variable `WORKFLOW_<SECTION>__<KEY>` overrides the file, lists and objects as JSON;
`WORKFLOW_CONFIG_FILE` names another file. An unknown key or an impossible value ends the process at
once with one line (exit code 4). What a new installation sets, and why:
[Configure](operations.md#configure).
"""
_KINDS = {str: "text", int: "integer", float: "number", bool: "true or false", SecretStr: "secret",
          Path: "path", Any: "any value"}  # fmt: skip


def render() -> str:
    """The whole page."""
    texts = meanings()
    parts = [_section(name, texts) for name in Settings.model_fields]
    return HEAD + "".join(parts)


def all_settings() -> Iterator[tuple[str, str, FieldInfo]]:
    """Section, key and declaration of every setting."""
    for section in Settings.model_fields:
        for key, field in model(section).model_fields.items():
            yield section, key, field


def model(section: str) -> type[BaseModel]:
    """The declaration of a section."""
    return cast(type[BaseModel], Settings.model_fields[section].annotation)


def _section(name: str, texts: Mapping[tuple[str, str], str]) -> str:
    declared = model(name)
    lines = [
        (
            f"`{name}.{key}`",
            _kind(field.annotation) + _limits(field),
            _default(field),
            texts.get((declared.__name__, key), ""),
        )
        for key, field in declared.model_fields.items()
    ]
    about = " ".join((declared.__doc__ or "").replace("``", "`").split())
    variable = f"`{PREFIX}{name.upper()}__<KEY>`"
    head = ("setting", "value", "default", "meaning")
    return f"\n## {name}\n\n{about} {variable}\n\n{table(head, lines)}"


def _kind(of: Any) -> str:
    origin, arguments = get_origin(of), get_args(of)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_kind(each) for each in arguments if each is not type(None))
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return f"object of {_kind(arguments[1])}"
    return _kind(arguments[0]) if arguments else _KINDS[of]


def _limits(field: FieldInfo) -> str:
    """Behind a comma, as far as the declaration has some."""
    words = []
    for each in field.metadata:
        for bound in each if isinstance(each, Interval) else (each,):
            words += _describe_limit(bound)
    return "".join(f", {word}" for word in words)


def _describe_limit(bound: Any) -> list[str]:
    match bound:
        case Gt(gt=least):
            return [f"more than {least}"]
        case Ge(ge=least):
            return [f"at least {_number(least)}"]
        case Le(le=most):
            return [f"at most {_number(most)}"]
        case MinLen(min_length=1):
            return ["not empty"]
    return []


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value}"


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value in ("", (), {}):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple | dict):
        return f"`{json.dumps(value)}`"
    return f"`{value}`"


def meanings() -> dict[tuple[str, str], str]:
    """Class and key to the text that stands below the key."""
    files = {inspect.getfile(model(section)) for section in Settings.model_fields}
    found = {}
    for node in (node for file in sorted(files) for node in ast.parse(Path(file).read_text()).body):
        if isinstance(node, ast.ClassDef):
            for field, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    found[node.name, field.target.id] = _text(below)
    return found


def _text(node: ast.stmt) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return " ".join(value.value.split()).replace("``", "`")
    return ""
