"""Lists what is in a release as CycloneDX: ``python -m devstack.release.sbom DIST``.

Each wheel in DIST is installed into a clean environment, with the versions that requirements*.txt
pin; the list has every package there with its licence and what it depends on.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
EXTRAS: Final = {"bvbrc_workflows": "[agents]"}
_BIN: Final = Path(sys.executable).parent


def main(dist: str) -> None:
    folder = Path(dist).resolve()
    wheels = sorted(folder.glob("bvbrc_workflows*.whl"))
    if not wheels:
        sys.exit(f"there is no wheel in {folder}: scripts/build.sh makes them")
    for wheel in wheels:
        name, version, *_ = wheel.name.split("-")
        with tempfile.TemporaryDirectory() as place:
            install(wheel, Path(place) / "venv", EXTRAS.get(name, ""))
            project = Path(place) / "pyproject.toml"
            project.write_text(_project_of(wheel, EXTRAS.get(name, "")))
            target = folder / f"{name}-{version}.cdx.json"
            _list(Path(place) / "venv", project, target)
            print(target)


def install(wheel: Path, venv: Path, extras: str = "") -> None:
    """A clean environment with this wheel, its requirements as pinned, and those of our wheels that
    it needs from the folder beside it."""
    _run([_BIN / "uv", "venv", "--quiet", "--python", sys.executable, venv])
    pins: list[str | Path] = [
        word for name in ("", "-agents") for word in ("-c", ROOT / f"requirements{name}.txt")
    ]
    beside: list[str | Path] = ["--find-links", wheel.parent, *pins]
    words = ["--quiet", "--python", venv / "bin/python", *beside, f"{wheel}{extras}"]
    _run([_BIN / "uv", "pip", "install", *words])


def _project_of(wheel: Path, extras: str) -> str:
    """What the list is of, and what that needs itself, as a pyproject.toml."""
    with zipfile.ZipFile(wheel) as files:
        (name,) = (each for each in files.namelist() if each.endswith(".dist-info/METADATA"))
        facts = HeaderParser().parsestr(files.read(name).decode())
    needs = [each.partition(";") for each in facts.get_all("Requires-Dist", ())]
    wanted = [name for name, _, marker in needs if _applies(marker, extras)]
    head = {"name": facts["Name"], "version": facts["Version"], "license": "MIT"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in head.items()]
    return "\n".join(["[project]", *lines, f"dependencies = {json.dumps(wanted)}"])


def _applies(marker: str, extras: str) -> bool:
    found = re.search(r"extra == [\"']([^\"']+)", marker)
    return not found or found[1] in extras


def _list(venv: Path, project: Path, target: Path) -> None:
    """The list is checked against CycloneDX's schema; two of one release are the same."""
    words: list[str | Path] = [
        "--pyproject",
        project,
        "--output-reproducible",
        "--output-file",
        target,
    ]
    _run([_BIN / "cyclonedx-py", "environment", *words, str(venv)])


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(*sys.argv[1:])
