"""How a user's stored token stands, for the API and the pages; never the token."""

from __future__ import annotations

from typing import Any

from workflows.engine.context import EngineContext
from workflows.engine.reports.views import stamp
from workflows.store.users import preferences as users
from workflows.store.users import renewals


def credentials_of(context: EngineContext, owner: str) -> dict[str, Any]:
    """As ``GET /credentials`` answers."""
    kept, wanted = renewals.of_user(owner), not users.without_renewal([owner])
    active = context.user_service is not None
    return {
        "stored": kept is not None,
        "expires_at": stamp(kept.expires_at) if kept else None,
        "refused": bool(kept and kept.refused),
        "renew": wanted,
        "renew_tokens": "active" if active else "never",
        "renews_at": stamp(kept.renew_at) if kept and wanted and active else None,
        "renewed_at": stamp(kept.renewed_at) if kept else None,
        "problem": kept.problem if kept and wanted and active else "",
    }
