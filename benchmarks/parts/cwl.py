"""How long plans of CWL take: ``python benchmarks/parts/cwl.py`` (targets in docs/cwl.md).

Times are those of a warm planning process, as the API sees them, and its CPU time besides.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import psutil

from workflows.backends.declared_apps import cwl_specs
from workflows.bvbrc.app_table import load
from workflows.cwl.bvbrc.submission import Submission
from workflows.cwl.process.planner import AppTable, Planner

HEAD = """cwlVersion: v1.2
class: Workflow
requirements:
  ScatterFeatureRequirement: {}
  StepInputExpressionRequirement: {}
  InlineJavascriptRequirement: {}
"""


def chain(length: int, expression: str) -> str:
    """Steps one after the other, each with a value that an expression gives."""
    lines = [HEAD, "inputs: {runs: 'string[]', name: string}", "outputs: []", "steps:"]
    for n in range(length):
        lines += [
            f"  s{n}:",
            "    run: bvbrc://GenomeAssembly2",
            "    in:",
            "      srr_ids: runs",
            "      name: name",
            "      recipe: {default: auto}",
            f"      output_file: {{valueFrom: '{expression.replace('N', str(n))}'}}",
            f"      after: s{n - 1}/contigs" if n else "      pilon_iter: {default: 2}",
            "    out: [contigs]",
        ]
    return "\n".join(lines)


SCATTER = (
    HEAD
    + """
inputs: {fs: 'File[]'}
outputs: {o: {type: 'File[]', outputSource: a/genome}}
steps:
  a:
    run: bvbrc://GenomeAnnotation
    scatter: contigs
    in: {contigs: fs, scientific_name: {default: x}, code: {default: 11}, domain: {default: auto}}
    out: [genome]
"""
)
REFERENCES = "$(inputs.name)-N"
JAVASCRIPT = '$(inputs.name + "-N")'
CHAIN_INPUTS = {"runs": ["SRR1"], "name": "x"}
CASES = {
    "20 steps, parameter references": (chain(20, REFERENCES), CHAIN_INPUTS, 20, 60),
    "20 steps, JavaScript": (chain(20, JAVASCRIPT), CHAIN_INPUTS, 20, 60),
    "2,000 steps by a scatter": (
        SCATTER,
        {"fs": [f"/user@bvbrc/home/{n}.fa" for n in range(2000)]},
        2000,
        5,
    ),
    "2,000 steps written out": (chain(2000, REFERENCES), CHAIN_INPUTS, 2000, 5),
}


def cpu_seconds(planner: Planner) -> float:
    """CPU time so far of the planning process and of its own child."""
    assert planner._child is not None
    process = psutil.Process(planner._child.pid)
    family = [process, *process.children()]
    return sum(sum(each.cpu_times()[:2]) for each in family)


def main() -> None:
    apps = AppTable(load(), helpers=cwl_specs())
    for name, (document, inputs, steps, times) in CASES.items():
        planner = Planner()
        source = Submission({"w.cwl": document}, "w.cwl", inputs, "", "/user@bvbrc/home")
        planner.plan(source, apps)
        took, before = [], cpu_seconds(planner)
        for _ in range(times):
            started = time.perf_counter()
            plan = planner.plan(source, apps)
            took.append(time.perf_counter() - started)
            assert len(plan.steps) == steps, [str(problem) for problem in plan.problems]
        cpu = (cpu_seconds(planner) - before) / times
        planner.close()
        p95 = sorted(took)[int(0.95 * (len(took) - 1))]
        median = statistics.median(took)
        shown = [f"{seconds * 1000:.0f} ms" for seconds in (median, p95, cpu)]
        print(f"{name}: median {shown[0]}, p95 {shown[1]}, cpu {shown[2]}")


if __name__ == "__main__":
    main()
