"""A folder of the user's own Workspace, from which a form takes a path.

A listing takes some seconds at most, some megabytes at most, and counts as the user's: a Workspace
that hangs holds few requests of each user, and leaves threads for those of the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.connections import connections
from app.http import metering
from app.http.auth import caller
from app.ui.start.form_layout import FOLDER
from workflows.bvbrc.workspace import Item
from workflows.model.errors import ServiceError, TooManyRequests

MOST_ENTRIES: Final = 500
"""Entries that are shown; of more, those that the search finds."""
LIMIT_BYTES: Final = 4 * 1024 * 1024
FIELD, PLACE, SEARCH = "browse_field", "browse_folder", "browse_search"
"""Controls: what a path is picked for, the folder that is shown, and a part of names."""
_SLASHES: Final = re.compile(r"/+")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object or a folder that is shown."""

    name: str
    type: str
    opens: str
    """The folder that it leads to; empty: none."""
    takes: str
    """The path that it gives."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Browser:
    """One folder, shown below the control that a path is picked for."""

    field: str
    folder: str
    search: str = ""
    trail: Sequence[tuple[str, str]] = ()
    """The folders above it and itself: name and path."""
    entries: Sequence[Entry] = ()
    left_out: int = 0
    problem: str = ""
    picks_folders: bool = False


def browse(texts: Mapping[str, str], action: str, target: str) -> Browser | None:
    """The browser after a button of it was pressed; None where it is closed."""
    if action == "browse":
        return _list(target, _first_folder(texts.get(target, "")), "")
    if action in ("open", "search") and texts.get(FIELD):
        place = target if action == "open" else texts.get(PLACE, "")
        search = "" if action == "open" else texts.get(SEARCH, "").strip()
        return _list(texts[FIELD], place, search)
    return None


def pick(texts: Mapping[str, str], action: str, target: str) -> dict[str, str]:
    """The texts after a path was picked, without the browser's own."""
    found = {name: text for name, text in texts.items() if name not in (FIELD, PLACE, SEARCH)}
    if action == "take" and texts.get(FIELD):
        found[texts[FIELD]] = target
    return found


def _first_folder(value: str) -> str:
    """The folder of the path that is there already, if it is one of the user's own."""
    home = f"/{caller().name}/home"
    folder = value.strip().rpartition("/")[0]
    return folder if folder.startswith(f"{home}/") or folder == home else home


def _list(name: str, place: str, search: str) -> Browser:
    own = f"/{caller().name}"
    folder = _SLASHES.sub("/", place).rstrip("/") or own
    picks_folders = name == FOLDER or name.endswith("output_path")
    if not f"{folder}/".startswith(f"{own}/") or {".", ".."} & {*folder.split("/")}:
        return Browser(name, own, problem="This is no folder of your Workspace.")
    trail = _trail(folder)
    try:
        items = _read(folder)
    except (ServiceError, TooManyRequests) as failure:
        text = f"The Workspace does not list this folder now: {failure}"
        return Browser(name, folder, search, trail, problem=text, picks_folders=picks_folders)
    shown = [item for item in items if _is_shown(item, search, picks_folders=picks_folders)]
    shown.sort(key=lambda item: (not item.is_folder, item.name.lower()))
    entries = [_entry(item) for item in shown[:MOST_ENTRIES]]
    left_out = len(shown) - len(entries)
    return Browser(name, folder, search, trail, entries, left_out, "", picks_folders)


def _read(folder: str) -> tuple[Item, ...]:
    """Raises ``ServiceError`` and ``TooManyRequests``."""
    found = connections()
    with found.listings.take(caller().name), metering.computing():
        return found.folders.ls(caller().token, folder, limit_bytes=LIMIT_BYTES)


def _is_shown(item: Item, search: str, *, picks_folders: bool) -> bool:
    """Hidden folders are those of results, which their ``job_result`` leads to."""
    hidden = item.name.startswith(".") or (picks_folders and not item.is_folder)
    return not hidden and search.lower() in item.name.lower()


def _entry(item: Item) -> Entry:
    opens = item.path if item.is_folder else ""
    if item.type == "job_result":
        parent, _, name = item.path.rpartition("/")
        opens = f"{parent}/.{name}"
    return Entry(item.name, item.type, opens, item.path, item.size_bytes)


def _trail(folder: str) -> list[tuple[str, str]]:
    names = folder.strip("/").split("/")
    return [(name, "/" + "/".join(names[: place + 1])) for place, name in enumerate(names)]
