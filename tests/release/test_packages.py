"""The wheel holds the files beside the modules that the product reads."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.shared import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def packages() -> set[Path]:
    """The folders that the wheel takes."""
    tops = [name.rstrip("*") for name in SETTINGS["packages"]["find"]["include"]]
    return {path.parent for top in tops for path in (ROOT / top).rglob("__init__.py")}


def test_the_extra_of_the_mcp_server_is_its_requirements() -> None:
    lines = (ROOT / "requirements-agents.in").read_text().splitlines()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert extras["optional-dependencies"]["agents"] == [
        line for line in lines if line and line[0] not in "#-"
    ]


def test_every_file_beside_the_modules_is_in_the_wheel() -> None:
    found = packages()
    tops = {ROOT / name.rstrip("*") for name in SETTINGS["packages"]["find"]["include"]}
    wanted = {
        path
        for top in tops
        for path in top.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    data = SETTINGS["package-data"]
    taken = {
        path
        for package in found
        for pattern in data.get(str(package.relative_to(ROOT)).replace("/", "."), ())
        for path in package.glob(pattern)
        if path.is_file()
    }
    assert wanted
    assert wanted == taken
