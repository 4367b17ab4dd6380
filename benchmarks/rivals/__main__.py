"""Ours and each rival in turn, with the same simulator: ``python -m benchmarks.rivals``.

Each rival has an environment of its own in ``var/rivals``, made at the first run from its
``requirements-*.txt``. Every step is one job that takes no time, started and asked about over HTTP.
The yardsticks are plain Celery canvases (``canvas.py``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.rivals import canvas
from benchmarks.throughput import clear, once
from benchmarks.tools.measure import Row, medians, result, table
from benchmarks.tools.product import Product, instant, product

HERE = Path(__file__).parent
VENVS = HERE.parents[1] / "var" / "rivals"
RIVALS = ("luigi", "prefect")


def main() -> None:
    asked = arguments()
    settings = {"executor.polling_interval_seconds": asked.interval}
    latency = {"*": asked.latency} if asked.latency else {}
    with (
        result(asked.name, vars(asked)) as found,
        product(asked.workers, settings=settings) as running,
    ):
        found["engines"] = {}
        for name in ("ours", *canvas.KINDS, *RIVALS):
            if asked.only and name not in asked.only:
                continue
            runs = [run(running, name, latency, asked) for _ in range(asked.runs)]
            found["engines"][name] = {"median": medians(runs), "runs": runs}
            print(f"{name}: {found['engines'][name]['median']['steps_per_second']:.1f} steps/s")
        show(found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="rivals", help="of the file of results")
    parser.add_argument("--workflows", type=int, default=20)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="of ours and of the canvases")
    parser.add_argument("--parallel", type=int, default=16, help="processes or threads of a rival")
    parser.add_argument("--interval", type=float, default=0.25, help="seconds between two polls")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of each call")
    parser.add_argument("--only", action="append", choices=("ours", *canvas.KINDS, *RIVALS))
    return parser.parse_args()


def run(
    running: Product, name: str, latency: Mapping[str, float], asked: argparse.Namespace
) -> Row:
    if name == "ours":
        ours = once(running, "chain", asked.workflows, asked.steps, latency)
        return {key: ours[key] for key in ("seconds", "steps_per_second")}
    clear(running)
    instant(running, latency)
    if name in canvas.KINDS:
        seconds = canvas.run(running, name, asked)
    else:
        seconds = rival(running, name, asked)
    steps = asked.workflows * asked.steps
    jobs = running.stack.simulator.summary()["jobs"]
    assert jobs >= steps, f"{name} made {jobs} jobs of {steps} steps"
    return {"seconds": round(seconds, 3), "steps_per_second": round(steps / seconds, 2)}


def rival(running: Product, name: str, asked: argparse.Namespace) -> float:
    """Seconds, as the rival measured them: without the start of its processes."""
    python = environment(name)
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as home:
        done = subprocess.run(
            [
                *(python, HERE / f"with_{name}.py"),
                *map(str, (asked.workflows, asked.steps, asked.parallel)),
            ],
            env=quiet(home) | canvas.access(running),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def quiet(home: str) -> dict[str, str]:
    """Nothing of the user's own set-up, no telemetry, few log lines."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "PREFECT_HOME": home,
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
        "DO_NOT_TRACK": "1",
    }


def environment(name: str) -> Path:
    """The rival's Python, with what its requirements pin."""
    python = VENVS / name / "bin" / "python"
    wanted = HERE / f"requirements-{name}.txt"
    stamp = VENVS / name / wanted.name
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        print(f"installing {name} (once)")
        subprocess.run([sys.executable, "-m", "venv", VENVS / name], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--requirement", wanted], check=True
        )
        stamp.write_text(wanted.read_text())
    return python


def show(found: Row) -> None:
    engines = found["engines"]
    ours = engines.get("ours", {}).get("median", {}).get("steps_per_second")
    for each in engines.values():
        speed = each["median"]["steps_per_second"]
        each["ours_is_faster_by"] = round(ours / speed, 1) if ours else None
    table(
        [
            {"engine": name, **each["median"], "ours is faster by": each["ours_is_faster_by"]}
            for name, each in engines.items()
        ]
    )


if __name__ == "__main__":
    main()
