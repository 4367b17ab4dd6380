"""A token that is likely to end before its workflow is warned about, and no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.conftest import document
from workflows.rules.tokens.lifetime import STEP, ends_too_soon, rounds
from workflows.spec.compiled_spec import compile_spec
from workflows.spec.document import spec_from

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("needs", "cap", "expected"),
    [
        (("", "", "", ""), 4, 1),
        (("", "", "", ""), 2, 2),
        (("", "", ""), 2, 2),
        (("", "a", "b"), 2, 3),
        (("", "a", "a", "bc"), 2, 3),
    ],
)
def test_steps_follow_one_another_or_wait_for_a_place(
    needs: tuple[str, ...], cap: int, expected: int
) -> None:
    assert rounds(compile_spec(spec_from(document(*needs))), cap) == expected


def test_a_token_that_may_end_first_is_warned_about() -> None:
    chain = spec_from(document("", "a", "b"))

    warning = ends_too_soon(chain, 2, NOW + 2 * STEP, NOW)

    assert warning is not None
    assert warning.code == "token_ends_soon"
    assert "2026-01-01 02:00 UTC" in warning.message


def test_one_that_outlives_the_workflow_is_not() -> None:
    side_by_side = spec_from(document("", "", "", ""))

    assert ends_too_soon(side_by_side, 2, NOW + 2 * STEP, NOW) is None
    assert ends_too_soon(side_by_side, 2, NOW + timedelta(days=30), NOW) is None


def test_the_workflows_own_limit_counts() -> None:
    one_by_one = spec_from(document("", "", "", "", max_parallel_steps=1))

    assert ends_too_soon(one_by_one, 2, NOW + 3 * STEP, NOW) is not None
