"""How the cost of every verb grows with a workflow: ``python -m benchmarks.parts.growth``.

Each verb is asked over HTTP of a workflow of 1,000 steps and one of 10,000, CWL of a fifth of it.
Results: the seconds and the exponent: 1 is linear, 2 is quadratic. Bar: at most 1.2.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import requests

from benchmarks.parts.cwl import CHAIN_INPUTS, REFERENCES, chain
from benchmarks.tools.measure import Row, result, table
from benchmarks.tools.product import Product, flat, product

FACTOR = 10
BAR = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000, help="of the smaller workflow")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with result("growth", vars(asked)) as found, product(1, apis=1, users=1) as running:
        runs = [once(running, asked.steps) for _ in range(asked.runs)]
        found["verbs"] = {verb: growth(verb, runs) for verb in runs[0][0]}
        found["bars"] = {"exponent": BAR}
        table([{"verb": verb, **each} for verb, each in found["verbs"].items()])


def once(running: Product, steps: int) -> tuple[Row, Row]:
    """Seconds of each verb at both sizes; the sizes come one after the other."""
    return seconds_of_verbs(running, steps), seconds_of_verbs(running, FACTOR * steps)


def growth(verb: str, runs: list[tuple[Row, Row]]) -> Row:
    small, large = (statistics.median(run[size][verb] for run in runs) for size in (0, 1))
    exponent = math.log(large / small) / math.log(FACTOR)
    return {"small_s": round(small, 3), "large_s": round(large, 3), "exponent": round(exponent, 2)}


def seconds_of_verbs(running: Product, steps: int) -> Row:
    took: Row = {}
    ask = asker(running, took)
    document = flat(f"growth{time.time():.3f}", steps)
    ask("validate", "POST", "/validate", json=document)
    ask("plan", "POST", "/plan", json=document)
    workflow = ask("submit", "POST", "/submit", json=document)["workflow_id"]
    for verb in ("status", "explain"):
        ask(verb, "GET", f"/{workflow}/{verb}")
    ask("get", "GET", f"/{workflow}")
    ask("list", "GET", "")
    ask("cancel", "POST", f"/{workflow}/cancel")
    ask("events", "GET", f"/{workflow}/events")
    ask("log", "GET", f"/{workflow}/log")
    ask("retry", "POST", f"/{workflow}/retry")
    ask("cancel again", "POST", f"/{workflow}/cancel")
    ask("CWL", "POST", "/submit-cwl?dry_run=true", json=cwl(steps // 5))
    return took


def cwl(steps: int) -> dict[str, Any]:
    return {"workflow": chain(steps, REFERENCES), "inputs": CHAIN_INPUTS}


def asker(running: Product, took: Row) -> Callable[..., Any]:
    """A function that asks and notes how long the answer took."""
    session = requests.Session()
    session.headers["Authorization"] = running.tokens[running.users[0]]
    root = f"{running.stack.api_urls[0]}/api/v1/workflows"

    def ask(verb: str, method: str, path: str, **body: Any) -> Any:
        begun = time.perf_counter()
        answer = session.request(method, f"{root}{path}", timeout=120, **body)
        took[verb] = time.perf_counter() - begun
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers["Content-Type"] else answer.text

    return ask


if __name__ == "__main__":
    main()
