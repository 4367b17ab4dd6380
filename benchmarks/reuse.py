"""What noting inputs and results costs, and what a hit costs: ``python -m benchmarks.reuse``.

The same workflows of independent annotations, each step with one file of the Workspace as input:
with notes (or ``--no-notes``), and a second time with reuse. At 0 ms a call everything that the
engine does more shows; at BV-BRC a call takes a hundred times as long as what is measured here.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.measure import Row, result
from benchmarks.product import Product, instant, product
from benchmarks.throughput import clear, per
from workflows.store import documents
from workflows.store.mongo import collection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=20)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--no-notes", action="store_true", help="with reuse.record: false")
    asked = parser.parse_args()
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
    context = {"base_url": "https://www.bv-brc.org", "workspace_output_folder": f"/{user}/home"}
    return {
        "workflow_name": name,
        "version": "1.0",
        "base_context": context,
        "steps": steps,
        "workflow_outputs": [],
        "reuse": reuse,
    }


if __name__ == "__main__":
    main()
