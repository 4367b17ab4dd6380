"""The order in which the tests begin."""

from __future__ import annotations

import pytest

from tests.order import LONGEST, rank
from tests.shared import ROOT


def test_groups_of_the_product_come_first_then_what_is_long_then_all_others() -> None:
    others = [("tests/app/test_a.py::test_it", None), ("tests/cwl/test_b.py::test_it", "release")]
    first = [("tests/ui/test_c.py::test_it", "product"), ("tests/app/test_d.py::test_it", "pages")]
    long = [(f"{start}::test_it", None) for start in LONGEST]

    assert sorted([*others, *long, *first], key=lambda it: rank(*it)) == [*first, *long, *others]


@pytest.mark.parametrize("start", LONGEST)
def test_what_is_named_as_long_is_there(start: str) -> None:
    assert (ROOT / start).exists()
