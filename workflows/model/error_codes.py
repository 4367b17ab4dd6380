"""The codes of problems, warnings and corrections, with what they mean and what to do.

``error_codes.json`` beside this file lists them by their subject; docs/errors.md is made of it. A
test compares it with the codes in the source. CWL's own codes are in docs/cwl.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class ErrorCodes:
    """Codes of one meaning."""

    codes: tuple[str, ...]
    means: str
    do: str = ""
    """Empty for warnings and corrections."""


@cache
def error_codes() -> Mapping[str, Sequence[ErrorCodes]]:
    """By subject."""
    text = resources.files("workflows.model").joinpath("error_codes.json").read_text("utf-8")
    return {
        subject: [
            ErrorCodes(tuple(each["codes"]), each["means"], each.get("do", "")) for each in found
        ]
        for subject, found in json.loads(text).items()
    }


def all_codes() -> list[str]:
    """Each once, in order."""
    found = (each for codes in error_codes().values() for each in codes)
    return sorted({code for each in found for code in each.codes})
