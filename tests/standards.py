"""Tools of the standards that we keep, in an environment of their own (.venv-standards)."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

import pytest

from devstack import environment

HOME = Path(f"{sys.prefix}-standards")


@cache
def command(name: str) -> str:
    """The path of a command; the first call installs it."""
    try:
        environment.main(HOME.name, "requirements-standards.txt")
    except SystemExit as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the tools of the standards cannot be installed: {missing}")
    return str(HOME / "bin" / name)
