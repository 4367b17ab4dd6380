"""Round-robin over users, so that a user with many waiting jobs does not delay the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest


def share(
    free: int, queues: Mapping[str, Sequence[str]], under_way: Mapping[str, int]
) -> list[str]:
    """At most ``free`` keys, taken from the users' queues in rounds.

    Users with fewer jobs under way come first in each round, so that a new user never waits behind
    the thousands of another. Of users with the same number the order of ``queues`` decides: the
    outbox's rotation, so that no name is always first.
    """
    order = sorted(queues, key=lambda owner: under_way.get(owner, 0))
    rounds = zip_longest(*(queues[owner] for owner in order))
    return [key for turn in rounds for key in turn if key is not None][: max(free, 0)]
