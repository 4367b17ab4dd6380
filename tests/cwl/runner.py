#!/usr/bin/env python
"""A thin cwl-runner around the production planner, for ``cwltest --tool tests/cwl/runner.py``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv" / "bin" / "python"
if find_spec("cwltool") is None and VENV.exists() and Path(sys.executable) != VENV:
    os.execv(VENV, [str(VENV), *sys.argv])  # noqa: S606 - started by the wrong interpreter
sys.path.insert(0, str(ROOT))

from tests.cwl.local import Disk, Failed, Run, delivered, path_of  # noqa: E402 - the path first
from workflows.cwl.plan.plan import Document  # noqa: E402 - the path first


def document(tool: str, job: str | None) -> Document:
    """The files on this disk; cwltest names them by ``file:`` addresses."""
    path, _, entry = tool.partition("#")
    inputs = path_of(job).resolve() if job else None
    return Document(
        files=Disk(),
        main=str(path_of(path).resolve()).lstrip("/"),
        entry=entry,
        inputs=inputs.read_text("utf-8") if inputs else None,
        inputs_file=str(inputs).lstrip("/") if inputs else "inputs",
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--outdir", default=".")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("tool")
    parser.add_argument("job", nargs="?")
    options = parser.parse_args()
    outdir = Path(options.outdir).resolve()
    with tempfile.TemporaryDirectory() as folder:
        try:
            outputs = Run(document(options.tool, options.job), Path(folder)).outputs()
        except Failed as failed:
            sys.stderr.write(f"{failed}\n")
            return 1
        sys.stdout.write(json.dumps(delivered(outputs, outdir), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
