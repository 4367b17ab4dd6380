"""The built-in table of BV-BRC's apps: ids, parameters, results, aliases.

``apps.json`` beside this file is the project's own table: the facts of 39 app specifications as of
2026, with labels in our words. ``AppService.enumerate_apps`` takes precedence where it answers.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

App = dict[str, Any]
"""``{id, label, aliases: [name], parameters: [Parameter], outputs: {name: path template}}`` and
optionally ``other_outputs`` (the same under the names of GoWe's tool files, which may hold
wildcards), ``leaves_files`` (false: none at all), ``reuse`` ("never": its results differ from run
to run, or go to others), ``default_memory`` ("100G"), ``default_cpu``, ``default_runtime``
(seconds).

A parameter has the shape of the genuine specifications: ``{id, type, required: 0|1}`` and, where
they apply, ``default`` (absent: none), ``enum``, ``allow_multiple: true``, ``wstype`` (kind of
Workspace object), ``items`` and ``group`` (the members, parameters again; may be empty).
``type`` is a word, a list of words, or absent. An id may come twice; the last one counts.
"""


@cache
def load() -> tuple[App, ...]:
    """Every app of the table, sorted by id. Shared by all callers: not to be changed."""
    text = resources.files("workflows.bvbrc").joinpath("apps.json").read_text("utf-8")
    return tuple(json.loads(text))
