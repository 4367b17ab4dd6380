"""Documents that ``cwltool --pack`` wrote run like the files they were made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cwl.planning import app_steps, planned

ANNOTATE = """\
cwlVersion: v1.2
class: CommandLineTool
{id}$namespaces: {{gowe: "https://github.com/wilke/GoWe#"}}
hints: {{"gowe:Execution": {{executor: bvbrc, bvbrc_app_id: GenomeAnnotation}}}}
baseCommand: [GenomeAnnotation]
inputs:
  contigs: File
  scientific_name: string
  domain: {{type: {{type: enum, symbols: [Bacteria, Archaea]}}, default: Bacteria}}
outputs:
  genome: {{type: File, outputBinding: {{glob: $(inputs.output_file).genome}}}}
"""
EACH = """\
cwlVersion: v1.2
class: Workflow
{id}inputs: {{contigs: File}}
outputs: {{annotated: {{type: File, outputSource: annotate/genome}}}}
steps:
  annotate:
    run: annotate.cwl
    in: {{contigs: contigs, scientific_name: {{default: x}}}}
    out: [genome]
"""
WHOLE = """\
cwlVersion: v1.2
class: Workflow
{id}requirements: {{SubworkflowFeatureRequirement: {{}}, ScatterFeatureRequirement: {{}}}}
inputs: {{contigs: "File[]"}}
outputs: {{annotated: {{type: "File[]", outputSource: each/annotated}}}}
steps:
  each:
    run: each.cwl
    scatter: contigs
    in: {{contigs: contigs}}
    out: [annotated]
"""
INPUTS = {"contigs": ["/user@bvbrc/home/a.fa", "/user@bvbrc/home/b.fa"]}


@pytest.mark.parametrize(
    "ids", [("", "", ""), ("annotation", "", ""), ("annotation", "inner", "whole")]
)
def test_a_packed_document_plans_as_its_files_do(ids: tuple[str, str, str], tmp_path: Path) -> None:
    names = ("annotate.cwl", "each.cwl", "whole.cwl")
    files = {
        name: text.format(id=f"id: {own}\n" if own else "")
        for name, text, own in zip(names, (ANNOTATE, EACH, WHOLE), ids, strict=True)
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    packed = subprocess.run(
        [sys.executable, "-m", "cwltool", "--pack", str(tmp_path / "whole.cwl")],
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    found = planned(packed, INPUTS)

    assert app_steps(found) == app_steps(planned(files, INPUTS, main="whole.cwl"))
    assert found.warnings == ()
