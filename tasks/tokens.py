"""The task that renews tokens."""

from __future__ import annotations

from runtime.bootstrap import engine_context
from runtime.single_flight import SingleFlight
from tasks.celery import app
from workflows.engine.tokens.renew import renew_tokens as renew

_renewing = SingleFlight()


@app.task(name="tasks.renew_tokens")
def renew_tokens() -> None:
    """Renew tokens before they end; a user service that hangs occupies one thread."""
    _renewing.run(_renew)


def _renew() -> None:
    renew(engine_context())
