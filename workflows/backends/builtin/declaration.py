"""What a file of ``steps`` holds: the declaration of one step, and the action that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from workflows.bvbrc.data_api import DataApi
from workflows.bvbrc.minhash import Minhash
from workflows.bvbrc.workspace import Workspace
from workflows.model.values import Job, Json
from workflows.spec.catalogue import App, AppSpec, parameter

BUILTIN: Final = "builtin"
"""The name of this backend in a job's row."""


@dataclass(frozen=True, slots=True)
class Clients:
    """The services that these steps use."""

    workspace: Workspace
    minhash: Minhash
    dataapi: DataApi


@dataclass(frozen=True, slots=True)
class Wait:
    """The step cannot end yet; its action is called again."""

    reason: str
    again_in: timedelta


Results = Mapping[str, Json]
Action = Callable[[Clients, str, Job], Results | Wait]
"""Takes the user's token and the job, answers the step's outputs. May be called again at any time,
with the same result. ``Rejected`` and ``NotFound`` fail the step; any other error is no fault of
the user's, and the step is tried again."""


@dataclass(frozen=True, slots=True)
class BuiltinStep:
    """One step that the engine runs itself."""

    name: str
    description: str
    """What it does, in a sentence, for people who look for an app."""
    parameters: tuple[Mapping[str, Any], ...]
    """In the form of AppService's own specifications; ``declare`` makes one."""
    outputs: tuple[str, ...]
    """Names; only the run brings their values."""
    action: Action
    aliases: tuple[str, ...] = ()
    in_cwl: bool = False
    """Whether CWL workflows may use it, under the names that GoWe has for it."""
    synonyms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By parameter: other words for its choices."""

    @property
    def spec(self) -> AppSpec:
        """The declaration in the form of AppService's own specifications."""
        return {
            "id": self.name,
            "label": f"{self.name} (runs in the engine)",
            "description": self.description,
            "aliases": self.aliases,
            "parameters": list(self.parameters),
            "later": self.outputs,
        }

    @property
    def app(self) -> App:
        """The step as an app, so that it is checked like any other."""
        known = {raw["id"]: parameter(raw) for raw in self.parameters}
        for name, words in self.synonyms.items():
            known[name] = replace(known[name], synonyms=words)
        later = frozenset(self.outputs)
        return App(self.name, known, later=later, aliases=self.aliases, backend=BUILTIN)


def declare(name: str, kind: str, **facts: Any) -> Mapping[str, Any]:
    """One parameter."""
    return {"id": name, "type": kind, **facts}
