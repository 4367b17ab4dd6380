"""What noting inputs and results costs, and what a hit costs: ``python -m benchmarks.reuse``.

The same workflows of independent annotations, each step with one file of the Workspace as input:
with notes (or ``--no-notes``), and a second time with reuse. At 0 ms a call everything that the
engine does more shows; at BV-BRC a call takes a hundred times as long as what is measured here.

``--pipeline``: a workflow of 20 steps in chains, twice, with the settings of production and a
genuine AppService; then again after one of its four inputs has been overwritten.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.throughput import clear, per
from benchmarks.tools.measure import Row, result
from benchmarks.tools.product import Product, genuine, instant, product
from workflows.store import documents
from workflows.store.mongo import collection

CHAINS = 4
"""Inputs of the pipeline; each is read by five of its steps."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=20)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--no-notes", action="store_true", help="with reuse.record: false")
    parser.add_argument("--pipeline", action="store_true", help="20 steps twice")
    asked = parser.parse_args()
    if asked.pipeline:
        return run_pipeline(vars(asked))
    settings = {
        "executor.polling_interval_seconds": 0.075,
        "executor.max_parallel_steps_per_workflow": 5,
        "reuse.min_age_seconds": 0,
        "reuse.record": not asked.no_notes,
    }
    name = "reuse-without-notes" if asked.no_notes else "reuse"
    with result(name, vars(asked)) as found, product(2, settings=settings) as running:
        clear(running)
        instant(running)
        running.stack.simulator.switch(outputs=True)
        once(running, asked, "warm")
        found["first"] = once(running, asked, "first")
        if not asked.no_notes:
            found["second, with reuse"] = once(running, asked, "second", "mine")
        for case in ("first", "second, with reuse"):
            print(case, found.get(case))
    return None


def run_pipeline(asked: Row) -> None:
    settings = {"reuse.min_age_seconds": 0}
    with result("reuse-pipeline", asked) as found, product(2, settings=settings) as running:
        genuine(running)
        running.stack.simulator.switch(outputs=True)
        user = running.users[0]
        inputs = [f"/{user}/home/in/r{number}.fq" for number in range(CHAINS)]
        running.stack.simulator.put(running.tokens[user], *inputs)
        found["bars"] = {"seconds of the second": 15, "jobs of the second": 0}
        for name, reuse in (("first", "never"), ("second", "mine"), ("one input new", "mine")):
            if name == "one input new":
                running.stack.simulator.put(running.tokens[user], inputs[1])
            found[name] = run_once(running, pipeline(name[0], user, inputs, reuse), user)
            print(name, found[name])


def run_once(running: Product, found: Row, user: str) -> Row:
    """How long it took, which jobs ran, and what the others took."""
    before = len(running.stack.simulator.jobs())
    workflow = running.submit(found, user)
    running.tell([workflow])
    took = running.wait(300)
    wait_for_notes()
    rows = list(collection(documents.Job).find({"workflow": workflow}))
    return {
        "seconds": round(took, 1),
        "jobs": sorted(job["output_file"] for job in running.stack.simulator.jobs()[before:]),
        "hits": sum("reused" in row for row in rows),
        "explained": sum(row.get("reason", "").startswith("reused from") for row in rows),
        "misses": sorted({row["reuse_miss"]["message"] for row in rows if row.get("reuse_miss")}),
        "succeeded": sum(row.get("outcome") == "succeeded" for row in rows),
    }


def pipeline(name: str, user: str, inputs: Sequence[str], reuse: str) -> Row:
    """Each input is assembled, the contigs are annotated with four codes."""
    steps: list[dict[str, Any]] = []
    for number, path in enumerate(inputs):
        params: Row = {"single_end_libs": [{"read": path}], "recipe": "auto"}
        contigs = "${params.output_path}/.${params.output_file}/${params.output_file}_contigs.fasta"
        steps.append(_step(f"a{number}", "GenomeAssembly2", params, name, user))
        steps[-1]["outputs"] = {"contigs": contigs}
        for code in (1, 4, 11, 25):
            params = {
                "contigs": f"${{steps.a{number}.outputs.contigs}}",
                "scientific_name": "Escherichia coli",
                "taxonomy_id": 562,
                "code": code,
            }
            steps.append(_step(f"n{number}-{code}", "GenomeAnnotation", params, name, user))
            steps[-1]["depends_on"] = [f"a{number}"]
    return _document(name, user, steps, reuse)


def _step(name: str, app: str, params: Row, run: str, user: str) -> dict[str, Any]:
    place = {"output_path": f"/{user}/home/run", "output_file": f"{run}{name}"}
    found = {"step_name": name, "app": app, "params": {**params, **place}}
    return {**found, "outputs": {}, "depends_on": []}


def once(running: Product, asked: argparse.Namespace, name: str, reuse: str = "never") -> Row:
    users, total = running.users, asked.workflows * asked.steps
    if reuse == "never":
        for user in users:
            running.stack.simulator.put(running.tokens[user], source(user))
    made = [
        document(name, at, users[at % len(users)], asked, reuse) for at in range(asked.workflows)
    ]
    ids = [running.submit(each, users[at % len(users)]) for at, each in enumerate(made)]
    meter, calls, commands = running.meter(), running.calls(), running.mongodb()
    meter.start()
    running.tell(ids)
    took = running.wait(120)
    cpu = meter.cpu()
    if reuse == "never":
        wait_for_notes()
    return {
        "steps_per_second": round(total / took, 1),
        "cpu_ms_per_step": {each: round(1000 * used / total, 3) for each, used in cpu.items()},
        "calls_per_step": per(total, calls, running.calls()),
        "mongodb_commands_per_step": per(total, commands, running.mongodb()),
        "cores_of_others": meter.foreign_cores(),
    }


def wait_for_notes() -> None:
    until = time.monotonic() + 30
    while collection(documents.Job).count_documents({"seen_due": {"$type": "date"}}):
        assert time.monotonic() < until, "what jobs left is not noted"
        time.sleep(0.2)


def source(user: str) -> str:
    return f"/{user}/home/contigs.fasta"


def document(name: str, at: int, user: str, asked: argparse.Namespace, reuse: str) -> Row:
    run = "first" if reuse == "mine" else name
    steps: list[dict[str, Any]] = [
        {
            "step_name": f"s{step}",
            "app": "GenomeAnnotation",
            "params": {
                "contigs": source(user),
                "scientific_name": f"{run} {at} {step}",
                "taxonomy_id": 562,
                "output_path": f"/{user}/home/{name}",
                "output_file": f"w{at}s{step}",
            },
            "outputs": {},
            "depends_on": [],
        }
        for step in range(asked.steps)
    ]
    return _document(name, user, steps, reuse)


def _document(name: str, user: str, steps: Sequence[Row], reuse: str) -> Row:
    context = {"base_url": "https://www.bv-brc.org", "workspace_output_folder": f"/{user}/home"}
    return {
        "workflow_name": name,
        "version": "1.0",
        "base_context": context,
        "steps": list(steps),
        "workflow_outputs": [],
        "reuse": reuse,
    }


if __name__ == "__main__":
    main()
