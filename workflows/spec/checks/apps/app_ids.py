"""Resolves the app of each step."""

from __future__ import annotations

from dataclasses import replace

from workflows.model.json_path import Path
from workflows.model.values import Spec
from workflows.spec.catalogue import App, AppCatalogue
from workflows.spec.checks.diagnostics import MOST_SUGGESTIONS, Diagnostics, Hint
from workflows.spec.checks.suggestions import app_meant, apps_meant, list_names

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
        elif app is not None and not app.in_table:
            _say_new(app, ("steps", number, "app"), diagnostics)
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
        return apps_meant(name, known.apps) or f"known are {list_names(sorted(known.apps), 60)}"

    _say_unknown(name, known, at, hint, diagnostics)


def _say_unknown(
    name: str, known: AppCatalogue, at: Path, hint: Hint, diagnostics: Diagnostics
) -> None:
    """Refuses the app only if BV-BRC's own list says that there is none."""
    if not known.note:
        diagnostics.problem(at, "unknown_app", f"there is no app {name!r}", hint)
        return
    message = (
        f"the engine's table has no app {name!r}, and BV-BRC's own list is not at hand: "
        "neither the app nor its parameters were checked"
    )
    diagnostics.warning(at, "app_not_checked", message, hint)


def _say_new(app: App, at: Path, diagnostics: Diagnostics) -> None:
    message = f"BV-BRC lists {app.id!r}, but the engine's table does not know what it writes"
    hint = "declare in `outputs` what other steps read"
    diagnostics.warning(at, "app_not_in_table", message, hint)
