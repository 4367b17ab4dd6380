"""Whether forecasts hold, and what they cost: ``python -m benchmarks.parts.forecast [workflows]``.

Simulated workflows over apps whose run times and queue waits are log-normal with the spread that
real apps have; each is forecast from a history of drawn jobs, at its beginning or in its course,
and then goes on with fresh draws (``tests/rules/forecast/simulated.py``).
"""

from __future__ import annotations

import sys
import time
from random import Random
from typing import Any

from benchmarks.tools.measure import percentile, result, table
from tests.rules.forecast.examples import history_of, outset_of
from tests.rules.forecast.simulated import trial
from workflows.rules.forecast.forecast import forecast, quick_end

SEED = 20260119
SIZES = (5, 20, 100, 1_000, 10_000)


def calibration(workflows: int) -> dict[str, Any]:
    """How often workflows ended within their bands."""
    random = Random(SEED)
    trials = [trial(random) for _ in range(workflows)]
    ratios = [each.end / each.forecast.end.p50 for each in trials if each.forecast.end.p50]
    return {
        "workflows": workflows,
        "within_p90": sum(each.end <= each.forecast.end.p90 for each in trials) / workflows,
        "within_p50": sum(each.end <= each.forecast.end.p50 for each in trials) / workflows,
        "end_over_p50_p10": percentile(ratios, 10),
        "end_over_p50_p90": percentile(ratios, 90),
    }


def cost(steps: int) -> dict[str, Any]:
    """CPU seconds of one forecast of a workflow of chains of five steps, two at a time."""
    history = history_of(A=[60 * 1.1**number for number in range(60)] * 4)
    begin = outset_of([(at - 1,) if at % 5 else () for at in range(steps)])
    begun = time.process_time()
    found = forecast(begin, history, 10.0, 1)
    whole = time.process_time() - begun
    begun = time.process_time()
    quick_end(begin, history, 10.0, 1, 20)
    seconds = {"cpu_seconds": whole, "list_cpu_seconds": time.process_time() - begun}
    return {"steps": steps, "runs": found.runs, **seconds}


def main(workflows: int) -> None:
    with result("forecast", {"workflows": workflows, "seed": SEED}) as found:
        found["calibration"] = calibration(workflows)
        found["cost"] = [cost(steps) for steps in SIZES]
        table([found["calibration"]])
        table(found["cost"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
