"""The key of a job: jobs with the same key have the same results.

It is made of the app with the digest of its specification, the operator's epoch for the app, and
the parameters as they are sent: without the place of the results, with defaults filled in, and with
what each Workspace path holds in place of the path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.model.values import Json, Spec
from workflows.reuse.inputs import PLACE, Identity, digest, with_identities
from workflows.spec.catalogue import App, AppSpec
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.parameters import fitted_value
from workflows.spec.checks.value_view import ValueView
from workflows.spec.resolver import Resolver

SPECIFICATION: Final = "the app's specification"
EPOCH: Final = "reuse.epoch"
_TEXTS: Final = frozenset({"label", "desc", "description", "comment"})
_NOWHERE: Final = ValueView(Diagnostics(), Resolver(Spec("", "", {}, ()), ()), 0)

Parts = Mapping[str, Json]
"""What a key is made of, by name, in the order in which differences are reported."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an app when a job of it begins."""

    app: App
    specification: str
    """The digest of its specification."""
    epoch: str = ""
    """The operator's text for it, which is changed when BV-BRC updates the app."""


def specification_digest(spec: AppSpec) -> str:
    """BV-BRC tells no version of an app: its parameters and their defaults stand in for one."""
    return digest([spec.get("id"), _without_texts(spec.get("parameters") or [])])


def key_parts(
    facts: Facts, params: Mapping[str, Json], identities: Mapping[str, Identity]
) -> Parts:
    """``identities``: of each path among the parameters."""
    filled = {**_defaults(facts.app, params), **params}
    return {
        "app": facts.app.id,
        SPECIFICATION: facts.specification,
        EPOCH: facts.epoch,
        **{
            f"params.{name}": with_identities(filled[name], identities)
            for name in sorted(filled)
            if name not in PLACE
        },
    }


def key_of(parts: Parts) -> str:
    return digest(parts)


def _defaults(app: App, params: Mapping[str, Json]) -> dict[str, Json]:
    """What AppService takes for parameters that are not given, as validation writes such values."""
    return {
        name: fitted_value(parameter, parameter.default, (name,), _NOWHERE)
        for name, parameter in app.parameters.items()
        if name not in params and parameter.default is not None
    }


def _without_texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_texts(each) for name, each in value.items() if name not in _TEXTS}
    return [_without_texts(each) for each in value] if isinstance(value, list) else value
