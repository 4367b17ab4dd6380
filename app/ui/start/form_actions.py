"""What the buttons of a form do to it: add and remove groups, browse for paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.ui.start import form_values, workspace_browser
from app.ui.start.workspace_browser import Browser
from workflows.spec.catalogue import App

_CHANGES: Final = ("add", "drop", "update", "take", "close")


@dataclass(frozen=True, slots=True)
class Pressed:
    """A form after a button was pressed."""

    texts: Mapping[str, str]
    browser: Browser | None
    focus: str
    """The control to go on with; empty: as before."""
    changes: bool
    """The form itself has changed: it is shown without being checked."""


def press(app: App, sent: Mapping[str, str]) -> Pressed:
    """The form that was sent, after what its ``action`` asks for."""
    action, _, target = sent.get("action", "").partition(":")
    browser = workspace_browser.browse(sent, action, target)
    picked = workspace_browser.pick(sent, action, target)
    texts = _change(app, picked, action, target)
    focus = _focus(app, texts, sent, action, target)
    return Pressed(texts, browser, focus, action in _CHANGES or browser is not None)


def _change(app: App, texts: dict[str, str], action: str, target: str) -> dict[str, str]:
    """The texts after a button that adds or removes a group."""
    name, _, key = target.partition(":")
    if action == "add" and name in app.parameters:
        return form_values.add_row(texts, app.parameters[name])
    if action == "drop" and name in app.parameters:
        return form_values.drop_row(texts, name, key)
    return texts


def _focus(
    app: App, texts: Mapping[str, str], sent: Mapping[str, str], action: str, target: str
) -> str:
    """The control that a path was picked for, or the first one of a new group."""
    if action in ("take", "close"):
        return sent.get(workspace_browser.FIELD, "").replace(".", "-")
    if action in ("browse", "open", "search"):
        return "browser"
    name = target.partition(":")[0]
    if action != "add" or name not in app.parameters:
        return ""
    begin = form_values.control(name, form_values.row_keys(texts, name)[-1])
    return next((each for each in texts if each.startswith(begin)), "").replace(".", "-")
