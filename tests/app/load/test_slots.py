"""How many calls to a service are under way is limited, in all and for each caller."""

from __future__ import annotations

import pytest

from app.quotas.slots import Slots
from workflows.model.errors import TooManyRequests


def test_a_caller_has_its_share_and_leaves_the_others_theirs() -> None:
    slots = Slots(total=3, each=2, message="busy")

    with slots.take("a"), slots.take("a"):
        with pytest.raises(TooManyRequests, match="busy"), slots.take("a"):
            pass
        with slots.take("b"), pytest.raises(TooManyRequests), slots.take("c"):
            pass

    with slots.take("c"), slots.take("c"), slots.take("a"):
        pass


def test_a_call_that_fails_gives_its_place_back() -> None:
    slots = Slots(total=1, each=1, message="busy")

    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.take("a"):
            raise ZeroDivisionError
