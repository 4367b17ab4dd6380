"""The templates that come with the engine: the files beside this one, in ``templates/``.

They are served from there and never stored, so that a new release brings its own at once. A change
of a file gets a new version: ``<name>@<version>.json``; old versions stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def load() -> Mapping[str, Mapping[int, dict[str, Any]]]:
    """Name to version to content: ``{title, description, labels, workflow, inputs}``, by name.
    Shared by all callers: not to be changed."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    folder = resources.files("workflows.bvbrc").joinpath("templates")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        name, _, version = file.name.removesuffix(".json").rpartition("@")
        content = json.loads(file.read_text("utf-8"))
        found.setdefault(name, {})[int(version)] = content
    return found
