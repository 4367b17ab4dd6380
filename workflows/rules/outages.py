"""Judges a refusal that may be an outage behind AppService.

An app's preflight that cannot reach the Workspace says that a file is missing, and the service may
fail without any reason (captures 302, 303, 060). So such a refusal proves nothing by itself. What
the Workspace says about the job's inputs decides: a missing one is the user's to fix; as long as
all exist, or the Workspace cannot say, the job waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from workflows.model.values import Json

MOST_INPUTS: Final = 50
"""How many inputs of one job are checked, the first ones."""
_OUTPUTS: Final = frozenset({"output_path", "output_file"})
_PATH: Final = re.compile(r"/+([^/\n]+)/+[^/\n]+/+[^\n]+")


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A step of the same workflow that has succeeded."""

    params: Mapping[str, Json]
    """At least ``output_path`` and ``output_file``, if the step has them."""
    results: Mapping[str, Json]
    """The outputs that only the run determined."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The Workspace's statement about the inputs of a job; by default all exist."""

    missing: tuple[str, ...] = ()
    """Missing paths that no step of the workflow has written."""
    missing_outputs: tuple[str, ...] = ()
    """Missing paths although a finished step of the workflow writes there."""
    unproven: str = ""
    """Why the Workspace cannot say whether all inputs exist."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the step fails now, and the reason to store either way."""

    fails: bool
    reason: str


def judge(refusal: str, inputs: Inputs, waited: timedelta, patience: timedelta) -> Verdict:
    """Judges a refusal. ``waited``: the time since the job was first refused like this."""
    if inputs.missing:
        return Verdict(True, f"{refusal}; not in the Workspace: {_list_paths(inputs.missing)}")
    over = waited >= patience and not inputs.unproven
    return Verdict(over, f"{refusal}; {_findings(inputs)}")


def _findings(inputs: Inputs) -> str:
    if inputs.missing_outputs:
        paths = _list_paths(inputs.missing_outputs)
        return f"missing in the Workspace, although a finished step has written it: {paths}"
    if inputs.unproven:
        return f"the Workspace cannot say whether the inputs are there: {inputs.unproven}"
    return "none of its inputs is missing in the Workspace"


def _list_paths(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""  # noqa: PLR2004 - enough to see
    return ", ".join(paths[:5]) + more


def input_paths(params: Mapping[str, Json], owner: str) -> tuple[str, ...]:
    """The Workspace paths among a job's parameters, without the place of its outputs."""
    texts = dict.fromkeys(_texts({key: params[key] for key in params.keys() - _OUTPUTS}))
    found = (text for text in texts if (match := _PATH.fullmatch(text)) and _is_user(match, owner))
    return tuple(sorted(found)[:MOST_INPUTS])


def _is_user(match: re.Match[str], owner: str) -> bool:
    """A path begins with a user, whose name has a realm but for those of RAST."""
    return "@" in match[1] or match[1] == owner


def is_written_by(path: str, steps: Iterable[FinishedStep]) -> bool:
    """Whether one of the steps writes there: into its hidden folder, its job_result, or to what
    its results name (protocol.md 2.3)."""
    plain = re.sub("/+", "/", path)
    return any(_writes(step, plain) for step in steps)


def _writes(step: FinishedStep, path: str) -> bool:
    folder, name = step.params.get("output_path"), step.params.get("output_file")
    if isinstance(folder, str) and isinstance(name, str) and name:
        place = re.sub("/+", "/", folder).rstrip("/")
        if path == f"{place}/{name}" or path.startswith(f"{place}/.{name}/"):
            return True
    return path in set(_texts(step.results))


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
