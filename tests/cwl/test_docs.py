"""docs/cwl.md and the source speak of the same codes, limits and examples."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cwl.planning import planned

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cwl.md").read_text("utf-8")


def test_every_code_is_explained_and_every_explained_code_exists() -> None:
    source = "".join(
        path.read_text("utf-8") for path in sorted((ROOT / "workflows" / "cwl").rglob("*.py"))
    )

    used = set(re.findall(r'"(cwl\.[a-z_]+)"', source))

    assert set(re.findall(r"`(cwl\.[a-z_]+)`", PAGE)) == used


def test_the_first_workflow_can_be_planned() -> None:
    document = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert document is not None

    found = planned(document[1], {"runs": ["SRR1"], "scientific_name": "x"})

    assert (found.problems, found.warnings) == ((), ())
    assert [step.app for step in found.steps] == ["GenomeAssembly2", "GenomeAnnotation"]
