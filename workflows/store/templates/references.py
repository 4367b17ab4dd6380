"""How workflows refer to the template that they were made from: ``{name, version}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from workflows.model.values import Json
from workflows.store.mongo import Row

_VERSION: Final = re.compile(r"[0-9]{1,8}")


def template_name(reference: Mapping[str, Json] | None) -> str:
    """``name@version``; empty without a template."""
    return f"{reference['name']}@{reference['version']}" if reference else ""


def made_from(template: str, field: str = "template") -> Row:
    """A condition on the field of a reference: ``name``, or ``name@version``."""
    name, _, version = template.partition("@")
    if not _VERSION.fullmatch(version):
        return {f"{field}.name": name}
    return {f"{field}.name": name, f"{field}.version": int(version)}
