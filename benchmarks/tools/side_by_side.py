"""Compares two commits in turn: ``python -m benchmarks.tools.side_by_side FORMER PRESENT …``.

FORMER and PRESENT are checkouts, best made for this alone: a benchmark writes its results into the
checkout that it runs in. Each round runs it once in FORMER, once in PRESENT; what else the machine
does so meets both. For example, with the figures as paths into the benchmark's result::

    git worktree add ../former 56d3727
    python -m benchmarks.tools.side_by_side ../former . --rounds 3 \\
        --figure "cases/0 ms/median/steps_per_second" \\
        -- benchmarks.throughput --bare --runs 1 --case "0 ms"

Of each figure: the medians, and that of the ratios of the rounds, present to former.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.tools.measure import Row, result, table


def main() -> None:
    asked = arguments()
    name = asked.result or asked.command[0].rpartition(".")[2]
    former_command = [asked.former_module or asked.command[0], *asked.command[1:]]
    told = {key: value for key, value in vars(asked).items() if key not in {"former", "present"}}
    with result(f"side-by-side-{name}", told) as found:
        found["rounds"] = []
        for number in range(asked.rounds):
            former = once(asked.former, former_command, name, asked.figure)
            present = once(asked.present, asked.command, name, asked.figure)
            found["rounds"].append({"former": former, "present": present})
            print(f"round {number + 1}: {former} {present}")
        found["figures"] = [compare(figure, found["rounds"]) for figure in asked.figure]
        table(found["figures"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("former", type=Path)
    parser.add_argument("present", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--figure", action="append", required=True, help="a path into the result")
    parser.add_argument("--result", help="the name of the result's file, if not the module's")
    parser.add_argument("--former-module", help="where the former commit has it elsewhere")
    parser.add_argument("command", nargs="+", help="-- the benchmark's module and its arguments")
    return parser.parse_args()


def once(tree: Path, command: Sequence[str], name: str, figures: Sequence[str]) -> Row:
    """One run's figures, and the commit."""
    python = tree.absolute() / ".venv" / "bin" / "python"
    program = str(python) if python.exists() else sys.executable
    subprocess.run([program, "-m", *command], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    written = json.loads((tree / "benchmarks" / "results" / f"{name}.json").read_text())
    seen = {figure: read(written, figure) for figure in figures}
    return {"engine": written["versions"]["engine"], **seen}


def read(written: Any, figure: str) -> float:
    """The number under a path; under a list, a part of the path is an index."""
    for part in figure.split("/"):
        written = written[int(part)] if isinstance(written, list) else written[part]
    return float(sum(written.values()) if isinstance(written, dict) else written)


def compare(figure: str, rounds: Sequence[Row]) -> Row:
    former = [each["former"][figure] for each in rounds]
    present = [each["present"][figure] for each in rounds]
    ratios = [now / before for before, now in zip(former, present, strict=True)]
    return {
        "figure": figure,
        "former": round(statistics.median(former), 3),
        "present": round(statistics.median(present), 3),
        "ratio": round(statistics.median(ratios), 3),
    }


if __name__ == "__main__":
    main()
