"""For which steps an earlier result is looked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import document
from workflows.model.values import APPSERVICE
from workflows.reuse.choice import NOT_ASKED, why_never
from workflows.spec.document import spec_from

PARAMS = {"output_path": "/alice@patricbrc.org/home/run", "output_file": "o"}


def why(
    reuse: str | None = "mine",
    *,
    step: dict[str, Any] | None = None,
    backend: str = APPSERVICE,
    volatile: bool | None = False,
    params: dict[str, Any] | None = None,
) -> str:
    found = document("", **({"reuse": reuse} if reuse else {}))
    found["steps"][0] |= step or {}
    spec = spec_from(found)
    return why_never(spec, spec.steps[0], backend, volatile, PARAMS if params is None else params)


def test_a_result_is_looked_for_where_nothing_speaks_against_it() -> None:
    assert why() == ""


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        (NOT_ASKED, why(None)),
        (NOT_ASKED, why("never")),
        ("The step says reuse: false.", why(step={"reuse": False})),
        ("The engine runs Date itself.", why(backend="builtin")),
        ("The engine's table of apps does not know Date.", why(volatile=None)),
        ("Results of Date are never reused.", why(volatile=True)),
        ("The step says no place for its results.", why(params={})),
    ],
)
def test_people_read_why_no_result_is_looked_for(reason: str, found: str) -> None:
    assert found == reason
