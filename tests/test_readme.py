"""The README is true: its walk works as printed, its files are there. docs/api.md lists the API."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from devstack import processes
from tests.documented import documented_app
from tests.shared import ROOT

WES = "/ga4gh/wes/v1"
README = (ROOT / "README.md").read_text()


def test_the_walk_works_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (walk,) = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    port = processes.free_port()
    # As printed, but on a port and in a folder of its own.
    options = f"--port {port} --mcp-port {processes.free_port()}"
    ours = walk.replace("start_all.sh ", f"start_all.sh {options} ").replace(":8000", f":{port}")
    for name in list(os.environ):
        if name.startswith("WORKFLOW_"):
            monkeypatch.delenv(name)

    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", ours],
        cwd=ROOT,
        env={**os.environ, "DEVSTACK_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )

    assert ended.returncode == 0, ended.stderr
    assert "Workflow completed successfully" in ended.stdout
    assert "/user@bvbrc/home/output/Annotation/.ann/ann.genome" in ended.stdout
    assert '"status":"cancelled"' in ended.stdout.replace('": ', '":')
    assert "stopped all" in ended.stdout


def test_the_table_lists_the_routes_there_are() -> None:
    client = documented_app().test_client()
    document = json.loads(client.get("/openapi.json").data)
    there = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1")))
        for path, methods in document["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete") and not path.startswith(WES)
    }

    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").partition("## Who may")[0]
    listed = set()
    for row in re.findall(r"^\| ((?:GET|POST|PUT|PATCH|DELETE) .*?) \|", page, re.MULTILINE):
        method = row.split()[0]
        paths = re.findall(r"`(/[^`]*)`", row)
        for path in paths:
            prefix = paths[0].rpartition("/")[0] if path in ("/stderr",) else ""
            listed.add((method, re.sub(r"\{\w+\}", "{}", prefix + path)))

    assert listed == there


def test_the_page_of_wes_lists_its_routes() -> None:
    page = (ROOT / "docs" / "wes.md").read_text(encoding="utf-8")
    client = documented_app().test_client()
    routes = {
        re.sub(r"\{workflow_id\}", "{id}", path).replace("{task_id}", "{task}").removeprefix(WES)
        for path in json.loads(client.get("/openapi.json").data)["paths"]
        if path.startswith(WES)
    }

    assert len(routes) == 7
    assert not {route for route in routes if f"`{route}`" not in page}


def test_it_is_short_and_shows_the_product() -> None:
    assert len(README.splitlines()) <= 120
    assert re.search(r"!\[.+\]\(docs/screenshots/[\w-]+\.png\)", README)


def test_the_files_it_names_are_there() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / document).read_text()
        named = re.findall(r"`?(?:\./)?((?:scripts|docs|examples|config|tests)/[\w./-]*)", text)
        assert named
        assert [name for name in named if not (ROOT / name).exists()] == []
