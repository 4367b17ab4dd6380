"""Chains of steps in Luigi: a file for each step that is done, as many processes as asked for."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import luigi  # type: ignore[import-not-found]
from job import run  # type: ignore[import-not-found]

FOLDER = Path(tempfile.mkdtemp(prefix="luigi-"))


class Step(luigi.Task):  # type: ignore[misc]
    """One step of one workflow; each waits for the one before."""

    workflow = luigi.IntParameter()
    step = luigi.IntParameter()

    def requires(self) -> Any:
        return [Step(self.workflow, self.step - 1)] if self.step else []

    def output(self) -> Any:
        return luigi.LocalTarget(FOLDER / f"{self.workflow}_{self.step}")

    def run(self) -> None:
        with self.output().open("w") as file:
            file.write(run(f"luigi{self.workflow}_{self.step}"))


def main(workflows: int, steps: int, parallel: int) -> None:
    begun = time.perf_counter()
    last = [Step(workflow, steps - 1) for workflow in range(workflows)]
    assert luigi.build(last, workers=parallel, local_scheduler=True, log_level="WARNING")
    print(json.dumps({"seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
