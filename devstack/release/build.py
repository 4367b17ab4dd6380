"""Builds the wheels of product, client and command line.

``python -m devstack.release.build DIST``: the folder to write them to.

Each is built from a folder of its own with nothing but its files, so that no module is in two
wheels and nothing of a former build in any. The client's ``rest`` is generated there, from the
OpenAPI document of this very tree.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
DISTRIBUTIONS: Final = ROOT / "distributions"
WRITES: Final = ("post", "put", "patch")
CLIENT: Final = "bvbrc_workflows_client"
_BIN: Final = Path(sys.executable).parent
_NOT_SHIPPED: Final = shutil.ignore_patterns("__pycache__", "*.pyc")


def main(target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        for name, lay_out in (("product", _product), ("client", _client), ("cli", _command_line)):
            (stage / name).mkdir()
            shutil.copy(ROOT / "LICENSE", stage / name)
            lay_out(stage / name)
            _build(stage / name, Path(target).resolve())


def _product(folder: Path) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for name in settings["packages"]["find"]["include"]:
        _copy_package(name.rstrip("*"), folder)
    modules = [f"{name}.py" for name in settings["py-modules"]]
    for name in ("pyproject.toml", "requirements.in", *modules):
        shutil.copy(ROOT / name, folder)


def _client(folder: Path) -> None:
    _copy_package(CLIENT, folder)
    for path in (DISTRIBUTIONS / "client").iterdir():
        shutil.copy(path, folder)
    generate(folder / CLIENT / "rest", folder / "generator.yaml")


def _command_line(folder: Path) -> None:
    _copy_package("cli", folder)
    for path in (DISTRIBUTIONS / "cli").iterdir():
        shutil.copy(path, folder)


def _copy_package(name: str, folder: Path) -> None:
    shutil.copytree(ROOT / name, folder / name, ignore=_NOT_SHIPPED)


def generate(target: Path, settings: Path) -> None:
    """Writes the functions and values of all operations; fails if one cannot be generated."""
    document = target.parent.parent / "openapi.json"
    _run([sys.executable, "-m", "devstack.release.openapi", document])
    document.write_text(json.dumps(_without_yaml(json.loads(document.read_text()))))
    words: list[str | Path] = [
        "--path",
        document,
        "--config",
        settings,
        "--output-path",
        target,
        "--meta",
        "none",
    ]
    _run([_BIN / "openapi-python-client", "generate", "--fail-on-warning", *words])


def _without_yaml(document: dict[str, Any]) -> dict[str, Any]:
    """Without the bodies in YAML that JSON says as well: the generator writes none."""
    operations = (item.get(method, {}) for item in document["paths"].values() for method in WRITES)
    for operation in operations:
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            content.pop("application/yaml", None)
    return document


def _build(folder: Path, target: Path) -> None:
    """Builds with the setuptools of this environment: nothing is fetched."""
    options = ["--wheel", "--no-build-isolation", "--python", sys.executable]
    _run([_BIN / "uv", "build", "--quiet", *options, "--out-dir", target, folder])


def _run(command: Sequence[str | Path]) -> None:
    """Its output is shown only where it fails. The generator calls ruff, from the path."""
    path = os.pathsep.join([str(_BIN), os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(*sys.argv[1:])
