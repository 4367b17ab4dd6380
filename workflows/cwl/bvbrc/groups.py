"""Members of an app's group that a tool takes as inputs of its own, as GoWe's do: ``read1`` and
``read2`` instead of ``paired_end_libs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.cwl.bvbrc.apps import AppFacts, is_multiple, is_required
from workflows.model.values import Json


def gather(params: dict[str, Json], app: AppFacts) -> dict[str, tuple[str, ...]]:
    """Moves such parameters into the group that they make whole; returns which went into which."""
    moved: dict[str, tuple[str, ...]] = {}
    for group, parameter in app.parameters.items():
        members = _members(parameter)
        names = tuple(name for name in members if name in params and name not in app.parameters)
        needed = {name for name, member in members.items() if is_required(member)}
        if group not in params and needed and needed <= set(names):
            one = {name: params.pop(name) for name in names}
            params[group] = [one] if is_multiple(parameter) else one
            moved[group] = names
    return moved


def is_member(name: str, app: AppFacts) -> bool:
    """Whether the app knows the parameter as a member of a group."""
    return any(name in _members(parameter) for parameter in app.parameters.values())


def _members(parameter: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["id"]: each for each in parameter.get("group") or () if "id" in each}
