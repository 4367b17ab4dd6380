"""The wheels, built once for all pytest workers."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.shared import ROOT

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that ``scripts/build.sh`` fills."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "wheels"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            run(sys.executable, "-m", "devstack.release.build", str(folder))
            (folder / "built").touch()
    return folder


@pytest.fixture(scope="session")
def client_wheel(wheels: Path) -> zipfile.ZipFile:
    (path,) = wheels.glob("bvbrc_workflows_client-*.whl")
    return zipfile.ZipFile(path)


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Its output; fails with all it printed."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def make_environment(folder: Path, wheels: Path, *packages: str) -> Path:
    """A clean virtual environment with these packages, ours from the wheels; its programs."""
    uv = [BIN / "uv"]
    run(*uv, "venv", "--quiet", "--python", sys.executable, folder)
    words: list[str | Path] = ["--quiet", "--python", folder / "bin/python", "--find-links", wheels]
    pins: list[str | Path] = [
        "-c",
        ROOT / "requirements.txt",
        "-c",
        ROOT / "requirements-agents.txt",
    ]
    run(*uv, "pip", "install", *words, *pins, *packages)
    return folder / "bin"
