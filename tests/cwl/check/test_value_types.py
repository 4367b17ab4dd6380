"""Which values are of a plain type: CWL's numbers have a width."""

from __future__ import annotations

import pytest

from workflows.cwl.check.value_types import misfits
from workflows.cwl.model.types import Plain
from workflows.model.values import Json


@pytest.mark.parametrize(
    ("value", "types"),
    [
        (2**31 - 1, "int long float double Any"),
        (-(2**31), "int long float double Any"),
        (2**31, "long float double Any"),
        (-(2**31) - 1, "long float double Any"),
        (2**63 - 1, "long float double Any"),
        (2**63, "float double Any"),
        (3.0, "float double Any"),
        (True, "boolean Any"),
        ("3", "string Any"),
        (None, "null"),
    ],
)
def test_a_value_is_of_the_types_whose_range_it_is_in(value: Json, types: str) -> None:
    names = ("null", "boolean", "int", "long", "float", "double", "string", "Any")

    fitting = [name for name in names if not any(misfits(value, Plain(name)))]

    assert fitting == types.split()
