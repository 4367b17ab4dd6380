"""Where the team's reference material lies; it is not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def found_shared(relative: str = "") -> Path | None:
    """A file or folder of the reference material; None where there is none."""
    places = [os.environ.get("BVBRC_SHARED"), ROOT.parent / "shared"]
    paths = (Path(place) / relative for place in places if place)
    return next((path for path in paths if path.exists()), None)


def shared_path(relative: str = "") -> Path:
    """The same; skips the test where there is none."""
    path = found_shared(relative)
    if path:
        return path
    if os.environ.get("CI") == "true":
        raise FileNotFoundError(f"../shared/{relative} is missing, and CI does not skip")
    pytest.skip(f"needs ../shared/{relative}, which is not part of the project")
