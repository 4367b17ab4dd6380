"""Plans for the tests, made in this process with the project's own table of apps."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from workflows.backends.declared_apps import cwl_specs
from workflows.bvbrc.app_table import load
from workflows.cwl.bvbrc.app_target import AppTarget
from workflows.cwl.bvbrc.submission import Plan, Submission, plan
from workflows.cwl.sandbox.sandbox import Sandbox
from workflows.model.values import Json

DOCUMENTS = Path(__file__).parent / "documents"
EXAMPLES = Path(__file__).parents[2] / "examples" / "cwl"
FOLDER = "/user@bvbrc/home/out"


@cache
def target() -> AppTarget:
    return AppTarget(load(), helpers=cwl_specs())


@cache
def sandbox() -> Sandbox:
    """One for all plans of this process."""
    warm = Sandbox()
    atexit.register(warm.close)
    return warm


def bundle(folder: Path) -> dict[str, str]:
    """All CWL files of a folder by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".cwl", ".yml", ".yaml")
    }


def planned(
    files: Mapping[str, Json] | str,
    inputs: Json = None,
    results: Mapping[str, Mapping[str, Json]] | None = None,
    main: str = "workflow.cwl",
    **more: Any,
) -> Plan:
    """The plan of files, or of one document."""
    given = {main: files} if isinstance(files, str) else files
    source = Submission(given, main, inputs, workspace_output_folder=FOLDER, **more)
    sandbox().renew(source.now)
    return plan(source, target(), sandbox().evaluate, results)


def workflow(steps: str, *, inputs: str = "{}", outputs: str = "{}", needs: str = "") -> str:
    """A small document; ``needs`` names the requirements to declare."""
    declared = "".join(f"  {name}: {{}}\n" for name in needs.split())
    head = "cwlVersion: v1.2\nclass: Workflow\n"
    requirements = f"requirements:\n{declared}" if declared else ""
    return f"{head}{requirements}inputs: {inputs}\noutputs: {outputs}\nsteps:\n{steps}"


def annotate(contigs: str, *more: str, out: str = "[]") -> str:
    """A step's body that annotates ``contigs``, with further fields of the step."""
    lines = ["run: bvbrc://GenomeAnnotation", *more, f"out: {out}", "in:", f"  contigs: {contigs}"]
    lines += ["  scientific_name: {default: x}", "  code: {default: 11}"]
    return "".join(f"    {line}\n" for line in [*lines, "  domain: {default: Bacteria}"])


def app_steps(plan_: Plan) -> dict[str, Json]:
    """The planned steps' parameters by name, without where they write."""
    assert not plan_.problems, [str(problem) for problem in plan_.problems]
    return {
        step.name: {k: v for k, v in step.params.items() if k not in ("output_path", "output_file")}
        for step in plan_.steps
    }
