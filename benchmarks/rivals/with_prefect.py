"""Chains of steps in Prefect: a flow for each workflow, side by side, on its own local server."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from job import run  # type: ignore[import-not-found]
from prefect import flow, task  # type: ignore[import-not-found]


@task  # type: ignore[untyped-decorator]
def step(name: str, _before: str) -> str:
    return str(run(name))


@flow  # type: ignore[untyped-decorator]
def chain(workflow: int, steps: int) -> None:
    done = ""
    for at in range(steps):
        done = step(f"prefect{workflow}_{at}", done)


def main(workflows: int, steps: int, parallel: int) -> None:
    chain(-1, 1)  # the server starts
    begun = time.perf_counter()
    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(lambda workflow: chain(workflow, steps), range(workflows)))
    print(json.dumps({"seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
