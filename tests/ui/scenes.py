"""Workflows that look like those of real users, for the browser's tests and screenshots."""

from __future__ import annotations

from typing import Any

MARIA = "maria@bvbrc"
OUT = {"output_path": "${workspace_output_folder}"}


def step(name: str, app: str, *needs: str, **params: Any) -> dict[str, Any]:
    return {
        "step_name": name,
        "app": app,
        "params": {**params, **OUT, "output_file": name},
        "depends_on": list(needs),
    }


def assembled(sample: str, *needs: str, srr: str = "SRR5121082") -> dict[str, Any]:
    return step(f"{sample}assemble", "GenomeAssembly2", *needs, srr_ids=[srr], recipe="auto")


def annotated(sample: str) -> dict[str, Any]:
    return step(
        f"{sample}annotate",
        "GenomeAnnotation",
        contigs=f"${{steps.{sample}assemble.outputs.contigs}}",
        scientific_name="Listeria monocytogenes",
        taxonomy_id=1639,
        code=11,
        domain="Bacteria",
    )


def trimmed(sample: str) -> dict[str, Any]:
    return step(
        f"{sample}trim", "FastqUtils", srr_libs=[{"srr_accession": "SRR5121082"}], recipe=["Trim"]
    )


def taxonomy(name: str, *needs: str) -> dict[str, Any]:
    return step(
        name,
        "TaxonomicClassification",
        *needs,
        srr_libs=[{"srr_accession": "SRR5121082"}],
        host_genome="no_host",
        analysis_type="pathogen",
        database="bvbrc",
    )


def quality(name: str, *needs: str) -> dict[str, Any]:
    return step(
        name, "FastqUtils", *needs, srr_libs=[{"srr_accession": "SRR5121082"}], recipe=["FastQC"]
    )


def tree(name: str, *needs: str) -> dict[str, Any]:
    return step(name, "CodonTree", *needs, genome_ids=["1639.1", "1639.2", "1639.3", "1639.4"])


def compared(name: str, *needs: str) -> dict[str, Any]:
    return step(name, "ComparativeSystems", *needs, genome_ids=["1639.1", "1639.2"])


def outbreak() -> dict[str, Any]:
    """Eight steps with branches; the tree and the comparison can be made to take long."""
    return workflow(
        "Listeria outbreak 7: reads to tree",
        trimmed(""),
        assembled("", "trim"),
        annotated(""),
        quality("quality", "trim"),
        taxonomy("species", "trim"),
        tree("tree", "annotate"),
        compared("compare", "annotate", "species"),
        step("report", "Date", "tree", "compare", "quality"),
        labels={"project": "outbreak-7"},
    )


def broken() -> dict[str, Any]:
    """Its annotation can be made to fail."""
    return workflow(
        "Salmonella survey",
        trimmed(""),
        quality("quality", "trim"),
        assembled("s12-", "trim"),
        annotated("s12-"),
        taxonomy("species", "s12-assemble"),
        tree("s12-tree", "s12-annotate"),
        step("report", "Date", "s12-tree", "species", "quality"),
    )


def short(name: str) -> dict[str, Any]:
    return workflow(name, trimmed(""), assembled("", "trim"), annotated(""))


def samples(count: int, name: str) -> dict[str, Any]:
    """Four steps for each sample, one before and one after them all."""
    steps = [step("collect", "Date")]
    for number in range(1, count + 1):
        sample = f"sample{number:02}-"
        steps += [
            quality(f"{sample}quality", "collect"),
            assembled(sample, f"{sample}quality"),
            annotated(sample),
            compared(f"{sample}compare", f"{sample}assemble", f"{sample}annotate"),
        ]
    last = [each["step_name"] for each in steps if each["step_name"].endswith("compare")]
    return workflow(name, *steps, step("report", "Date", *last))


def workflow(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "workflow_name": name,
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": f"/{MARIA}/home/outbreak",
        },
        "steps": list(steps),
    } | more


def batch() -> dict[str, Any]:
    """Six samples; the job of one can be made to fail."""
    sample = step("assemble", "GenomeAssembly2", srr_ids="${sample.run}", recipe="auto")
    sample["params"]["output_file"] = "${sample.sample}"
    rows = [{"sample": f"S{number:02}", "run": f"SRR512108{number}"} for number in range(6)]
    return {"workflow": workflow("Six isolates", sample), "samples": rows}
