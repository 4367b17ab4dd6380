"""The order of the tests: what takes minutes begins first, and the many short ones fill the end.

In the order of their folders some processes would end early, and one would go through the last long
tests alone, with most of the machine idle.
"""

from __future__ import annotations

import pytest

PRODUCT_GROUPS = ("product", "pages")
"""The longest of all: one process runs each of these groups (``tests/product.py``)."""
LONGEST = (
    "tests/guide/test_how_to.py",
    "tests/operations/",
    "tests/reliability/test_crash_points.py",
    "tests/app/documents/test_fuzz.py",
    "tests/devstack/test_interruptions.py",
    "tests/reliability/",
    "tests/app/documents/test_chains.py",
    "tests/devstack/",
    "tests/release/",
    "tests/test_readme.py",
    "tests/deploy/",
    "tests/cwl/process/",
    "tests/engine/reuse/",
)
"""Beginnings of the ids of tests that start, kill and wait for processes, the longest first."""


def rank(test: str, group: str | None) -> int:
    """The place of a test by its id: the lowest comes first."""
    if group in PRODUCT_GROUPS:
        return PRODUCT_GROUPS.index(group)
    places = (place for place, start in enumerate(LONGEST) if test.startswith(start))
    return len(PRODUCT_GROUPS) + next(places, len(LONGEST))


def group_of(item: pytest.Item) -> str | None:
    """The tests that one process runs one after the other, if it is one of them."""
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else None
