"""``python -m workflows.bvbrc.simulator``: the same as ``python -m simulator``."""

from __future__ import annotations

import runpy

if __name__ == "__main__":
    runpy.run_module("simulator", run_name="__main__", alter_sys=True)
