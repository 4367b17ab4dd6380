"""Three wheels of one version, which install into clean environments and name what they bring."""

from __future__ import annotations

import json
import os
import re
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from devstack.release import sbom
from tests.documented import documented_app
from tests.release.conftest import make_environment, run
from tests.shared import ROOT
from workflows import __version__

pytestmark = pytest.mark.xdist_group("release")
NAMES = ("bvbrc_workflows", "bvbrc_workflows_client", "bvbrc_workflows_cli")
METHODS = {"get", "post", "put", "patch", "delete"}


def test_the_three_have_one_version_and_no_file_in_common(wheels: Path) -> None:
    files = [
        set(zipfile.ZipFile(wheels / f"{name}-{__version__}-py3-none-any.whl").namelist())
        for name in NAMES
    ]

    assert len(list(wheels.glob("*.whl"))) == len(NAMES)
    assert not any(one & other for one, other in [*pairwise(files), (files[0], files[2])])
    assert {"cli/main.py", "bvbrc_workflows_client/py.typed", "wsgi.py"} <= set.union(*files)
    assert not [name for name in set.union(*files) if "/tests/" in name or "devstack" in name]
    assert all(any(name.endswith("licenses/LICENSE") for name in each) for each in files)


def test_the_client_reaches_every_operation(client_wheel: zipfile.ZipFile) -> None:
    """It is generated from this tree's document in the build, so that it cannot fall behind."""
    document = json.loads(documented_app().test_client().get("/openapi.json").data)
    operations = {
        (operation["operationId"], method, path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    api = re.compile(r"bvbrc_workflows_client/rest/api/\w+/(\w+)\.py")
    modules = {
        found[1]: client_wheel.read(name).decode()
        for name in client_wheel.namelist()
        if (found := api.fullmatch(name)) and found[1] != "__init__"
    }

    assert set(modules) == {name for name, _, _ in operations}
    for name, method, path in operations:
        assert f'"method": "{method}"' in modules[name], name
        assert f'"url": "{path}"' in modules[name], name


def test_the_product_runs_from_its_wheel_alone(wheels: Path, tmp_path: Path) -> None:
    programs = make_environment(tmp_path / "venv", wheels, "bvbrc-workflows[agents]")
    program = """
import wsgi, tasks, agents.server, server
client = wsgi.app.test_client()
for path in ("/api/v1/health/live", "/openapi.json", "/docs", "/ui/sign-in", "/llms.txt"):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status)
print(client.get("/api/v1/health/live").json["version"])
"""
    env = {
        "PATH": os.environ["PATH"],
        "WORKFLOW_AUTH__TOKEN_KEYS": json.dumps([Fernet.generate_key().decode()]),
        "WORKFLOW_METRICS__MULTIPROC_DIR": str(tmp_path / "metrics"),
        "WORKFLOW_LOGGING__WORKFLOW_LOG_DIR": str(tmp_path / "workflows"),
        "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": str(tmp_path / "executor.log"),
    }

    shown = run(programs / "python", "-I", "-c", program, env=env, cwd=tmp_path)

    assert shown.splitlines()[-1] == __version__
    assert not (programs / "bvbrc-workflows").exists()


def test_what_a_wheel_brings_is_listed(wheels: Path, tmp_path: Path) -> None:
    """Of the client's; the other two take the same way."""
    file = f"bvbrc_workflows_client-{__version__}-py3-none-any.whl"
    (tmp_path / file).symlink_to(wheels / file)

    sbom.main(str(tmp_path))

    pins = dict(re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / "requirements.txt").read_text(), re.M))
    bom = json.loads((tmp_path / f"bvbrc_workflows_client-{__version__}.cdx.json").read_text())
    parts = {part["name"].lower().replace("_", "-"): part for part in bom["components"]}
    root = bom["metadata"]["component"]
    assert (bom["bomFormat"], root["name"]) == ("CycloneDX", "bvbrc-workflows-client")
    assert root["version"] == __version__
    assert {"attrs", "httpx", "httpcore", "certifi"} <= set(parts)
    assert {name: part["version"] for name, part in parts.items()} == {
        name: pins[name] for name in parts
    }
    assert all(part["licenses"] and part["purl"] for part in parts.values())
    graph = {each["ref"]: each.get("dependsOn", []) for each in bom["dependencies"]}
    assert [ref.partition("==")[0] for ref in graph[root["bom-ref"]]] == ["attrs", "httpx"]


@pytest.mark.parametrize("script", ["build.sh", "sbom.sh"])
def test_the_scripts_say_what_they_do(script: str) -> None:
    assert "dist/" in run(ROOT / "scripts" / script, "--help")
