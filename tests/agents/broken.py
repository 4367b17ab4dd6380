"""Forty workflows, each broken in one way that people and models break them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from app.api import examples

Json = Any
Break = Callable[[dict[str, Json]], None]


def sound() -> dict[str, Json]:
    """Assembly, then annotation."""
    return copy.deepcopy(examples.WORKFLOW)


def _set(value: Json, *path: Json) -> Break:
    def change(workflow: dict[str, Json]) -> None:
        at: Json = workflow
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def _drop(*path: Json) -> Break:
    def change(workflow: dict[str, Json]) -> None:
        at: Json = workflow
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]

    return change


def _rename(new: str, *path: Json) -> Break:
    def change(workflow: dict[str, Json]) -> None:
        at: Json = workflow
        for key in path[:-1]:
            at = at[key]
        at[new] = at.pop(path[-1])

    return change


FIRST, SECOND = ("steps", 0), ("steps", 1)
BREAKS: dict[str, Break] = {
    "an app of a version that is not": _set("GenomeAssembly3", *FIRST, "app"),
    "an app of a version that is to come": _set("GenomeAnnotation2", *SECOND, "app"),
    "a choice of another program": _set("velvet", *FIRST, "params", "recipe"),
    "a choice misspelt": _set("unicyler", *FIRST, "params", "recipe"),
    "a domain misspelt": _set("Bactria", *SECOND, "params", "domain"),
    "a genetic code that is none": _set(99, *SECOND, "params", "code"),
    "no output_file": _drop(*FIRST, "params", "output_file"),
    "no output_path": _drop(*SECOND, "params", "output_path"),
    "a path as output_file": _set("a/b", *FIRST, "params", "output_file"),
    "letters that are not ASCII": _set("größe", *FIRST, "params", "output_file"),
    "no reads": _drop(*FIRST, "params", "srr_ids"),
    "empty reads": _set([], *FIRST, "params", "srr_ids"),
    "reads under a misspelt name": _rename("srr_idz", *FIRST, "params", "srr_ids"),
    "no contigs": _drop(*SECOND, "params", "contigs"),
    "contigs under another name": _rename("contig", *SECOND, "params", "contigs"),
    "no scientific name": _drop(*SECOND, "params", "scientific_name"),
    "a number as text that is none": _set("many", *FIRST, "params", "min_contig_len"),
    "a list as number": _set([1], *FIRST, "params", "racon_iter"),
    "an object as text": _set({"a": 1}, *SECOND, "params", "scientific_name"),
    "an accession with a hyphen": _set(["SRR-1"], *FIRST, "params", "srr_ids"),
    "a reference to a step misspelt": _set(
        "${steps.asemble.outputs.contigs}", *SECOND, "params", "contigs"
    ),
    "a reference to no such output": _set(
        "${steps.assemble.outputs.contig}", *SECOND, "params", "contigs"
    ),
    "a reference to a value misspelt": _set(
        "${workspace_outputfolder}/x", *FIRST, "params", "output_path"
    ),
    "a reference to a parameter misspelt": _set(
        {"contigs": "${params.output_pth}/x"}, *FIRST, "outputs"
    ),
    "an unknown step to wait for": _set(["asemble"], *SECOND, "depends_on"),
    "a workflow output misspelt": _set(["${steps.anotate.outputs.genome}"], "workflow_outputs"),
    "a parameter beside params": _set("auto", *FIRST, "recipe"),
    "a field misspelt": _rename("workflow_outptus", "workflow_outputs"),
    "depends_on misspelt": _rename("dependson", *SECOND, "depends_on"),
    "params misspelt": _rename("parms", *SECOND, "params"),
    "no name": _drop("workflow_name"),
    "no version": _drop("version"),
    "no context": _drop("base_context"),
    "no folder": _drop("base_context", "workspace_output_folder"),
    "no URL": _drop("base_context", "base_url"),
    "a URL that is none": _set("bv-brc", "base_context", "base_url"),
    "a failure policy that is none": _set("stop", "on_failure"),
    "two steps in one place": lambda workflow: workflow["steps"][1]["params"].update(
        output_path="${workspace_output_folder}/Assembly", output_file="asm"
    ),
    "two mistakes": lambda workflow: (
        workflow["steps"][0].update(app="GenomeAssembly3"),
        workflow["steps"][1]["params"].pop("output_file"),
    )[1],
    "three mistakes": lambda workflow: (
        workflow.pop("version"),
        workflow["steps"][0]["params"].update(recipe="velvet"),
        workflow["steps"][1]["params"].update(contigs="${steps.asemble.outputs.contigs}"),
    )[2],
}


def broken(name: str) -> dict[str, Json]:
    workflow = sound()
    BREAKS[name](workflow)
    return workflow
