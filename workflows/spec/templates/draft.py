"""What ``POST /templates`` is sent: reads the fields around the workflow and its inputs.

Fields that the engine writes are dropped unread, so that what is exported can be imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.model.errors import Invalid
from workflows.model.values import Json
from workflows.spec.checks import texts
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.shape import MOST_LABELS
from workflows.spec.checks.suggestions import did_you_mean, list_names

VISIBILITIES: Final = ("private", "public")
MOST_VERSION: Final = 1_000_000
MOST_USERS: Final = 200
LONGEST_DESCRIPTION: Final = 5_000
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_FIELDS: Final = (
    *("name", "version", "title", "description", "labels", "visibility", "shared_with"),
    *("workflow", "cwl", "files", "entry", "inputs"),
)
_AROUND: Final = frozenset(_FIELDS) - {"workflow", "cwl", "files"}
_OURS: Final = frozenset(
    {
        *("owner", "builtin", "latest", "versions", "deprecated", "created_at", "updated_at"),
        *("kind", "steps", "needs_folder", "example", "warnings", "auto_fixes", "url"),
    }
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A template as its author describes it."""

    name: str
    version: int | None
    """None: the next one."""
    texts: Mapping[str, Json]
    """``title``, ``description`` and ``labels``, as far as they are given."""
    visibility: str | None
    shared_with: tuple[str, ...] | None
    workflow: Json
    cwl: Mapping[str, Json] | None
    """``{cwl, files?, entry?}`` where the template is in CWL."""
    inputs: Json
    """As declared, or None."""


def read_draft(value: Json) -> Draft:
    """Raises ``Invalid`` with every problem of the fields around the workflow."""
    noted = Diagnostics()
    if not isinstance(value, dict):
        noted.problem((), "not_an_object", "a template is a JSON object")
        raise Invalid(noted.all_problems())
    found = {key: each for key, each in value.items() if key not in _OURS and each is not None}
    for key in found:
        if key not in _FIELDS:
            hint = did_you_mean(key, _FIELDS) or f"known are {list_names(_FIELDS)}"
            noted.problem((key,), "unknown_field", "there is no such field", hint)
    texts.check({key: _without_schema(found[key]) for key in found if key in _AROUND}, (), noted)
    draft = Draft(
        name=_name(found, noted),
        version=_version(found, noted),
        texts=_texts(found, noted),
        visibility=read_visibility(found, noted),
        shared_with=read_users(found, noted),
        workflow=found.get("workflow"),
        cwl=_cwl(found, noted),
        inputs=found.get("inputs"),
    )
    if noted.problems:
        raise Invalid(noted.all_problems())
    return draft


def _without_schema(value: Json) -> Json:
    """Inputs without ``$schema``, a key that no value may have."""
    if not isinstance(value, dict):
        return value
    return {key: each for key, each in value.items() if key != "$schema"}


def _name(found: Mapping[str, Json], noted: Diagnostics) -> str:
    value = found.get("name")
    if value is None:
        noted.problem(("name",), "missing_field", "it is required", "name it, such as my-assembly")
    elif not isinstance(value, str):
        noted.problem(("name",), "wrong_type", "it must be a text")
    elif not NAME.fullmatch(value):
        message = "a template is named by at most 100 small letters, digits, '.', '_' and '-'"
        plain = re.sub(r"[^a-z0-9._-]+", "-", value.lower()).strip("-._")[:100]
        noted.problem(("name",), "bad_name", message, f"such as {plain!r}" if plain else "")
    else:
        return value
    return ""


def _version(found: Mapping[str, Json], noted: Diagnostics) -> int | None:
    value = found.get("version")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_VERSION:
        message = f"it must be an integer from 1 to {MOST_VERSION}"
        noted.problem(("version",), "wrong_type", message, "leave it out for the next version")
        return None
    return value


def _texts(found: Mapping[str, Json], noted: Diagnostics) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for field, longest in (("title", texts.LONGEST_NAME), ("description", LONGEST_DESCRIPTION)):
        value = found.get(field)
        if value is None:
            continue
        if not isinstance(value, str) or len(value) > longest:
            message = f"it must be a text of at most {longest} characters"
            noted.problem((field,), "wrong_type", message)
        elif value.strip():
            kept[field] = value.strip()
    labels = found.get("labels")
    if labels is not None:
        _check_labels(labels, noted)
    if labels:
        kept["labels"] = labels
    return kept


def _check_labels(labels: Json, noted: Diagnostics) -> None:
    if not isinstance(labels, dict) or len(labels) > MOST_LABELS:
        message = f"it must be an object of at most {MOST_LABELS} texts"
        noted.problem(("labels",), "wrong_type", message)
        return
    for key, value in labels.items():
        if not isinstance(value, str):
            noted.problem(("labels", key), "wrong_type", "a label's value must be a text")
        elif ":" in key or texts.bad_name(value or "-"):
            message = "a label is a short text, its key has no colon"
            noted.problem(("labels", key), "bad_name", message)


def read_visibility(found: Mapping[str, Json], noted: Diagnostics) -> str | None:
    value = found.get("visibility")
    if value is not None and value not in VISIBILITIES:
        hint = f"known are {list_names(VISIBILITIES)}; shared_with names single users"
        noted.problem(("visibility",), "invalid_choice", "it is not known", hint)
        return None
    return value


def read_users(found: Mapping[str, Json], noted: Diagnostics) -> tuple[str, ...] | None:
    value = found.get("shared_with")
    if value is None:
        return None
    good = isinstance(value, list) and all(
        isinstance(user, str) and not texts.bad_name(user) for user in value
    )
    if not good or len(value) > MOST_USERS:
        message = f"it must be a list of at most {MOST_USERS} users, such as 'name@bvbrc'"
        noted.problem(("shared_with",), "wrong_type", message)
        return None
    return tuple(dict.fromkeys(value))


def _cwl(found: Mapping[str, Json], noted: Diagnostics) -> dict[str, Any] | None:
    """The CWL document with its files; exactly one of ``workflow`` and ``cwl`` must be there."""
    if ("workflow" in found) == ("cwl" in found):
        message = "give a workflow document as 'workflow', or a CWL document as 'cwl'"
        noted.problem(("workflow",), "missing_field", message)
    if "cwl" not in found:
        return None
    return {key: found[key] for key in ("cwl", "files", "entry") if key in found}
