"""What an expression tool sees of a Directory on a disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cwl.local import Run
from tests.cwl.runner import document

DOCUMENT = """
cwlVersion: v1.2
class: Workflow
requirements: {{InlineJavascriptRequirement: {{}}{workflow}}}
inputs: {{d: Directory}}
outputs: {{n: {{type: Any, outputSource: count/n}}}}
steps:
  count:
    in: {{d: d}}
    out: [n]
    run:
      class: ExpressionTool
      inputs: {{d: {{type: Directory{parameter}}}}}
      outputs: {{n: Any}}
      expression: |
        ${{function seen(d) {{ return d.listing ? d.listing.map(seen) : d.basename; }}
          return {{n: seen(inputs.d)}};}}
"""
DEEP = ", LoadListingRequirement: {loadListing: deep_listing}"


@pytest.mark.parametrize(
    ("workflow", "parameter", "seen"),
    [
        ("", "", "top"),
        ("", ", loadListing: shallow_listing", ["inner"]),
        (DEEP, "", [["a.txt"]]),
        (DEEP.replace("deep", "shallow"), "", ["inner"]),
        (DEEP, ", loadListing: no_listing", "top"),
    ],
)
def test_a_listing_is_loaded_as_requirement_and_parameter_say(
    tmp_path: Path, workflow: str, parameter: str, seen: object
) -> None:
    (tmp_path / "top" / "inner").mkdir(parents=True)
    (tmp_path / "top" / "inner" / "a.txt").touch()
    main, job = tmp_path / "main.cwl", tmp_path / "job.yml"
    main.write_text(DOCUMENT.format(workflow=workflow, parameter=parameter))
    job.write_text("d: {class: Directory, path: top}")

    outputs = Run(document(str(main), str(job)), tmp_path).outputs()

    assert outputs == {"n": seen}
