"""The catalogue of apps: BV-BRC's own specifications if they are known, otherwise the project's
table.

Only ``refresh`` waits for BV-BRC; call it in the background. A stale answer is used until there is
a newer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import structlog

from workflows.backends import declared_apps
from workflows.backends.appservice.client import AppService
from workflows.bvbrc import app_table
from workflows.cwl.process.planner import AppTable
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.catalogue import catalogue as made
from workflows.store import app_specs

log = structlog.get_logger()

STALE: Final = timedelta(hours=1)
AGAIN: Final = timedelta(seconds=3)
"""The time between two attempts after a failure, over all processes."""
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
