"""docs/api.md says what is so."""

from __future__ import annotations

import re

from tests.shared import ROOT as PROJECT
from workflows.rules.reasons.values import Code

TEXT = (PROJECT / "docs" / "api.md").read_text()


def test_every_reason_is_explained() -> None:
    table = TEXT.partition("| code | it waits for |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([a-z_]+)`", table)) >= {str(code) for code in Code}


def test_every_file_that_is_referred_to_exists() -> None:
    for name in re.findall(r"\]\((\w+\.md)\)", TEXT):
        assert (PROJECT / "docs" / name).exists()
