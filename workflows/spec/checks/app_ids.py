"""Resolves the app of each step."""

from __future__ import annotations

from dataclasses import replace

from workflows.model.json_path import Path
from workflows.model.values import Spec
from workflows.spec.catalogue import App, AppCatalogue
from workflows.spec.checks.diagnostics import MOST_SUGGESTIONS, Diagnostics
from workflows.spec.checks.suggestions import app_meant, did_you_mean, list_names

Apps = tuple[App | None, ...]
"""For each step its app; None for an unknown one."""


def resolve_apps(spec: Spec, known: AppCatalogue, diagnostics: Diagnostics) -> tuple[Spec, Apps]:
    """The spec with apps called by their ids, and the apps."""
    asked: dict[str, App | None] = {}
    apps: list[App | None] = []
    steps = list(spec.steps)
    for number, step in enumerate(spec.steps):
        app = known.apps.get(step.app)
        if app is None and step.app:
            app = _find_app(step.app, known, asked)
            _say(step.app, app, known, ("steps", number, "app"), diagnostics)
        if app is not None and app.id != step.app:
            steps[number] = replace(step, app=app.id)
        apps.append(app)
    return replace(spec, steps=tuple(steps)), tuple(apps)


def _find_app(name: str, known: AppCatalogue, asked: dict[str, App | None]) -> App | None:
    """Finds the app of one name. Comparing names costs time: each name is compared once, and only
    so many."""
    if name not in asked:
        asked[name] = app_meant(name, known) if len(asked) < MOST_SUGGESTIONS else None
    return asked[name]


def _say(
    name: str, app: App | None, known: AppCatalogue, at: Path, diagnostics: Diagnostics
) -> None:
    if app is not None:
        diagnostics.fix(at, "app_corrected", f"{name!r} became {app.id!r}")
        return

    def hint() -> str:
        return did_you_mean(name, known.apps) or f"known are {list_names(sorted(known.apps), 60)}"

    diagnostics.problem(at, "unknown_app", f"there is no app {name!r}", hint)
