"""Secondary files of a workflow's inputs, on a disk: which are found, required, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cwl.local import Failed, Run
from tests.cwl.runner import document
from workflows.model.values import Json

JAVASCRIPT = "requirements: {InlineJavascriptRequirement: {}}"


def found(folder: Path, secondary: str, needs: str = JAVASCRIPT) -> list[str]:
    """The names of the secondary files of ``reads.bam``, beside which lies ``reads.bam.bai``."""
    for name in ("reads.bam", "reads.bam.bai"):
        (folder / name).touch()
    (folder / "main.cwl").write_text(
        f"cwlVersion: v1.2\nclass: Workflow\n{needs}\nsteps: {{}}\n"
        f"inputs:\n  wish: boolean\n  bam: {{type: File, secondaryFiles: {secondary}}}\n"
        "outputs:\n  out: {type: File, outputSource: bam}\n"
    )
    (folder / "job.yml").write_text("{wish: false, bam: {class: File, path: reads.bam}}")
    given = document(str(folder / "main.cwl"), str(folder / "job.yml"))
    outputs: Json = Run(given, folder).outputs()
    return [file["basename"] for file in outputs["out"].get("secondaryFiles", [])]


@pytest.mark.parametrize(
    ("secondary", "names"),
    [
        (".bai", ["reads.bam.bai"]),
        ("$(self.basename).bai", ["reads.bam.bai"]),
        ("'${return [self.basename + \".bai\", null];}'", ["reads.bam.bai"]),
        (
            '\'${return {"class": "File", location: self.location + ".bai", basename: "x"};}\'',
            ["x"],
        ),
        ("{pattern: .none, required: $(inputs.wish)}", []),
        ("{pattern: .none, required: $(null)}", []),
        ("{pattern: '${return null;}', required: true}", []),
    ],
)
def test_secondary_files_are_found_as_patterns_and_expressions_say(
    tmp_path: Path, secondary: str, names: list[str]
) -> None:
    assert found(tmp_path, secondary) == names


@pytest.mark.parametrize(
    ("secondary", "place", "reason"),
    [
        ("{pattern: .none, required: $(!inputs.wish)}", "job.yml:1:", "lacks its secondary file"),
        ("$(self.basename).none", "job.yml:1:", "lacks its secondary file 'reads.bam.none'"),
        ("{pattern: .bai, required: $(self.size)}", "main.cwl:7:", "'required' must come to"),
        ("$(self.size + 1)", "main.cwl:7:", "a secondary file is named or a File, this is 1"),
        ("$(self.nothing.there)", "main.cwl:7:", "fails"),
    ],
)
def test_what_is_missing_or_cannot_be_told_is_one_problem_with_its_place(
    tmp_path: Path, secondary: str, place: str, reason: str
) -> None:
    with pytest.raises(Failed) as failed:
        found(tmp_path, secondary)

    assert place in str(failed.value)
    assert reason in str(failed.value)
    assert "\n" not in str(failed.value)


def test_javascript_in_a_pattern_must_be_declared(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="InlineJavascriptRequirement is not declared"):
        found(tmp_path, "$(self.basename + '.bai')", needs="")
