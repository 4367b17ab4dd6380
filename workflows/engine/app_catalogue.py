"""The catalogue of apps: BV-BRC's own specifications if they are known, otherwise the project's
table.

Only ``refresh`` waits for BV-BRC; call it in the background. A stale answer is used until there is
a newer one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import structlog

from workflows.backends import declared_apps
from workflows.backends.appservice.client import AppService
from workflows.bvbrc import app_table
from workflows.cwl.process.planner import AppTable
from workflows.reuse.key import specification_digest
from workflows.spec.catalogue import App, AppCatalogue
from workflows.spec.catalogue import catalogue as made
from workflows.store import app_specs

log = structlog.get_logger()

STALE: Final = timedelta(hours=1)
AGAIN: Final = timedelta(seconds=3)
"""The time between two attempts after a failure, over all processes."""
_LOOK_SECONDS: Final = 5.0
FEWEST: Final = 5
"""An answer with fewer apps counts as broken."""
UNASKED: Final = (
    "BV-BRC's own list of apps is not at hand; parameters were checked against the engine's table"
)


def catalogue() -> AppCatalogue:
    """The present catalogue; its ``note`` warns if it is only the project's table."""
    return _build_catalogue(app_specs.load_kept().fetched_at)


def specifications() -> tuple[datetime | None, Sequence[dict[str, Any]]]:
    """The service's specifications and the time of its answer; None for the table."""
    kept = app_specs.load_kept()
    return kept.fetched_at, kept.specs if kept.fetched_at else app_table.load()


def table() -> AppTable:
    """The present catalogue for CWL."""
    return _table(app_specs.load_kept().fetched_at)


def due() -> bool:
    """Whether the caller must ``refresh`` now; True for one caller in ``AGAIN`` at most."""
    return app_specs.claim(STALE, AGAIN)


def refresh(appservice: AppService, token: str) -> None:
    """Asks BV-BRC for its apps and keeps the answer; raises what the client raises."""
    specs = usable(appservice.apps(token))
    if specs:
        app_specs.keep(specs)
        log.info("apps_refreshed", apps=len(specs))
    else:
        log.warning("apps_answer_unusable")


def usable(specs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The specifications of an answer; empty if the answer as a whole is broken."""
    found = [
        spec
        for spec in specs
        if isinstance(spec.get("id"), str) and isinstance(spec.get("parameters"), list)
    ]
    return found if len(found) >= FEWEST else []


def app_and_digest(app: str) -> tuple[App | None, str]:
    """An app of the present catalogue, and the digest of its specification. The catalogue is looked
    up again after a while: each job that is sent asks for it."""
    fetched_at = _fetched_at()
    return _build_catalogue(fetched_at).apps.get(app), _digests(fetched_at).get(app, "")


def _fetched_at() -> datetime | None:
    now = time.monotonic()
    if _looked.at is None or now - _looked.at > _LOOK_SECONDS:
        _looked.fetched_at, _looked.at = app_specs.load_kept().fetched_at, now
    return _looked.fetched_at


@dataclass(slots=True)
class _Looked:
    """When this process last looked, and what it saw."""

    at: float | None = None
    fetched_at: datetime | None = None


_looked = _Looked()


@lru_cache(maxsize=2)
def _digests(fetched_at: datetime | None) -> dict[str, str]:
    specs = app_specs.load_kept().specs if fetched_at else app_table.load()
    return {spec["id"]: specification_digest(spec) for spec in specs}


@lru_cache(maxsize=2)
def _table(_fetched_at: datetime | None) -> AppTable:
    return AppTable(specifications()[1], app_table.load(), declared_apps.cwl_specs())


@lru_cache(maxsize=2)
def _build_catalogue(fetched_at: datetime | None) -> AppCatalogue:
    """Cached by the age of the answer, so that each process parses it once."""
    table = app_table.load()
    specs: Sequence[dict[str, Any]] = app_specs.load_kept().specs if fetched_at else table
    note = "" if fetched_at else UNASKED
    return made(specs, table, declared_apps.apps(), note)
