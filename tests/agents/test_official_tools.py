"""The official inspector and conformance suite, from npm, judge the server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.api import Api
from agents.server import make_application
from agents.tools import make_tools
from config.interface_sections import Agents
from devstack import processes
from devstack.processes import wait_until
from tests.agents.conftest import Agent
from tests.product import GROUP, Product
from tests.shared import ROOT

pytestmark = [GROUP, pytest.mark.timeout(600)]

TOOLS = ROOT / "var/npm/node_modules/.bin"
SCENARIOS = (
    *("server-initialize", "ping", "tools-list", "resources-list", "prompts-list"),
    "dns-rebinding-protection",
)
"""Those of the suite that are not about the tools of a test server."""


class WithToken:
    """Adds a token to each request: the conformance suite cannot send one."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._header = (b"authorization", f"Bearer {token}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["headers"] = [*scope["headers"], self._header]
        await self._app(scope, receive, send)


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the tools; where npm is missing, the tests are skipped, but not in CI."""
    if shutil.which("npm") is None and not os.environ.get("CI"):
        pytest.skip("needs npm, which is not installed")
    subprocess.run([ROOT / "scripts/npm_tools.sh"], check=True, cwd=ROOT, timeout=500)
    return TOOLS


@pytest.fixture(scope="module")
def open_url(running_product: Product) -> Iterator[str]:
    """The same application as ``python -m agents`` serves, for clients without a token."""
    port = processes.free_port()
    settings = Agents(api_url=running_product.url, port=port)
    application = WithToken(make_application(settings), running_product.token())
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: processes.listens(port), "the server listens")
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join(10)


def run(tools: Path, name: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(tools), os.environ["PATH"]])
    return subprocess.run(
        [tools / name, *words],
        cwd=folder,
        env={**os.environ, "PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_inspector_finds_every_schema_portable(
    tools: Path, agent: Agent, tmp_path: Path
) -> None:
    header = f"Authorization: Bearer {agent.product.token()}"

    done = run(
        tools,
        "mcp-inspector",
        *("--cli", agent.url, "--transport", "http", "--header", header),
        *("--method", "tools/list", "--strict"),
        folder=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    ours = {tool.name for tool in make_tools(Api(agent.product.url))}
    assert {tool["name"] for tool in json.loads(done.stdout)["tools"]} == ours


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_conformance_suite_is_content(
    tools: Path, open_url: str, tmp_path: Path, scenario: str
) -> None:
    done = run(
        tools, "conformance", "server", "--url", open_url, "--scenario", scenario, folder=tmp_path
    )

    assert done.returncode == 0, done.stdout + done.stderr
