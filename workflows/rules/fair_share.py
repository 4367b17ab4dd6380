"""Round-robin over users, so that a user with many waiting jobs does not delay the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Final

HEAVIEST: Final = 10
"""The largest weight of a user."""
_NONE: Final[Mapping[str, int]] = {}


def share(
    free: int,
    queues: Mapping[str, Sequence[str]],
    under_way: Mapping[str, int],
    weights: Mapping[str, int] = _NONE,
) -> list[str]:
    """At most ``free`` keys, taken from the users' queues in rounds, of each user as many as the
    user's weight says (1 where it is not given).

    Users with fewer jobs under way for their weight come first in each round, so that a new user
    never waits behind the thousands of another. Of users with the same number the order of
    ``queues`` decides: the outbox's rotation, so that no name is always first.
    """
    order = sorted(queues, key=lambda owner: under_way.get(owner, 0) / weights.get(owner, 1))
    rounds = zip_longest(*(_turns(queues[owner], weights.get(owner, 1)) for owner in order))
    keys = chain.from_iterable(turn for each in rounds for turn in each if turn is not None)
    return list(keys)[: max(free, 0)]


def _turns(queue: Sequence[str], weight: int) -> list[Sequence[str]]:
    """What a user has in each round."""
    return [queue[start : start + weight] for start in range(0, len(queue), weight)]
