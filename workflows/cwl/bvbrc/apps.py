"""The apps that CWL's tools can be bound to: specifications, other names, results they leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows.cwl.model.problems import did_you_mean
from workflows.spec.catalogue import AppSpec, plain


@dataclass(frozen=True, slots=True)
class AppFacts:
    """One app."""

    id: str
    label: str
    parameters: Mapping[str, Mapping[str, Any]]
    """Its own parameters as the specification has them, by id."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Name to path template, e.g. ``${params.output_path}/.${params.output_file}/x.fasta``."""
    other_outputs: Mapping[str, str] = field(default_factory=dict)
    """The same under the names of GoWe's tool files; a template may hold wildcards."""
    later: tuple[str, ...] = ()
    """Outputs without a path, known when the step has ended."""
    leaves_files: bool = True
    """Whether it leaves any file."""


class Apps:
    """All apps, found by id, by alias, and in any spelling of them."""

    def __init__(self, specs: Iterable[AppSpec], known: Iterable[AppSpec] = ()) -> None:
        """``specs`` says which apps there are; ``known`` adds other names and results to them:
        ``aliases``, ``outputs`` (name to path template), ``later`` (without a path, only the run
        brings them), ``leaves_files``.
        """
        facts = {spec["id"]: spec for spec in known}
        self.all: dict[str, AppFacts] = {}
        self._names: dict[str, str] = {}
        aliases: dict[str, str] = {}
        for spec in specs:
            more = facts.get(spec["id"], spec)
            self.all[spec["id"]] = _facts(spec, more)
            self._names.setdefault(plain(spec["id"]), spec["id"])
            aliases |= {plain(alias): spec["id"] for alias in more.get("aliases", ())}
        self._names |= aliases

    def find(self, name: str) -> AppFacts | None:
        """The app of that id or alias; case and separators do not matter. As in a workflow in JSON
        an exact id goes before an alias, and an alias before another spelling of an id."""
        return self.all.get(name) or self.all.get(self._names.get(plain(name), ""))

    def suggestion(self, name: str) -> str:
        return did_you_mean(name, self.all) or "GET /api/v1/apps lists the apps"


def _facts(spec: AppSpec, more: AppSpec) -> AppFacts:
    return AppFacts(
        id=spec["id"],
        label=str(more.get("label") or spec.get("label") or spec["id"]),
        parameters=_parameters(spec.get("parameters") or ()),
        outputs=dict(more.get("outputs") or {}),
        other_outputs=dict(more.get("other_outputs") or {}),
        later=tuple(more.get("later") or ()),
        leaves_files=bool(more.get("leaves_files", True)),
    )


def _parameters(listed: Iterable[Any]) -> dict[str, Mapping[str, Any]]:
    """By id. Entries without one are comments; of two the last counts, unless one is required."""
    out: dict[str, Mapping[str, Any]] = {}
    for parameter in listed:
        if not isinstance(parameter, Mapping) or not isinstance(parameter.get("id"), str):
            continue
        before = out.get(parameter["id"], {})
        needed = is_required(parameter) or is_required(before)
        out[parameter["id"]] = {**parameter, "required": int(needed)}
    return out


def is_required(parameter: Mapping[str, Any]) -> bool:
    return parameter.get("required") in (1, True, "1", "true")


def is_multiple(parameter: Mapping[str, Any]) -> bool:
    return parameter.get("allow_multiple") in (1, True, "1", "true")
