"""Clients of GA4GH WES that others wrote, against the running product.

wes-client sends no Authorization with a new run, Toil only HTTP Basic: as in production, a proxy in
front of the engine adds the header.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import standards
from tests.product import ALICE, GROUP, Product

pytestmark = [GROUP, pytest.mark.timeout(900)]
MAIN = """\
cwlVersion: v1.2
class: Workflow
inputs: {words: "string[]"}
outputs: {found: {type: "File[]", outputSource: one/now}}
requirements: {ScatterFeatureRequirement: {}}
steps:
  one: {run: tools/date.cwl, scatter: output_file, in: {output_file: words}, out: [now]}
"""
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
$namespaces: {gowe: "https://github.com/wilke/GoWe#"}
hints: {"gowe:Execution": {executor: bvbrc, bvbrc_app_id: Date}}
baseCommand: [Date]
inputs: {output_file: string}
outputs: {now: {type: File, outputBinding: {glob: "$(inputs.output_file)"}}}
"""
CLIENT_SECONDS = 250


@contextmanager
def proxy(target: str, token: str) -> Iterator[str]:
    """Forwards every request with the token added; answers with its host and port."""

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {**dict(self.headers.items()), "Authorization": token}
            answer = requests.request(
                self.command, target + self.path, headers=headers, data=body, timeout=60
            )
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _forward  # noqa: N815 - as http.server looks for them

        def log_message(self, *_: Any) -> None:
            """The tests' output is no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forward) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workflow with a tool of its own, and its inputs."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "date.cwl").write_text(TOOL)
    (tmp_path / "main.cwl").write_text(MAIN)
    return tmp_path


def inputs(folder: Path, *words: str) -> Path:
    file = folder / "inputs.json"
    file.write_text(json.dumps({"words": words}))
    return file


def call(folder: Path, *words: str) -> str:
    """Runs a command of the environment of the standards' tools; returns its standard output."""
    path = f"{standards.HOME}/bin:/usr/bin:/bin"
    done = subprocess.run(
        [standards.command(words[0]), *words[1:]],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=CLIENT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def folders_of(outputs: dict[str, Any]) -> list[str]:
    """Where the jobs left their results."""
    return [each["location"].split("/")[-2] for each in outputs["found"]]


def test_wes_client_runs_a_workflow_to_its_end(product: Product, folder: Path) -> None:
    order, tool = inputs(folder, "wes_a", "wes_b"), folder / "tools" / "date.cwl"
    with proxy(product.url, product.token()) as host:
        at = ("wes-client", "--proto=http", f"--host={host}", "--auth", product.token())
        attached = f"--attachments=file://{tool}"
        printed = call(folder, *at, attached, f"file://{folder}/main.cwl", str(order))
        listed = json.loads(call(folder, *at, "--list"))
        run_id = listed["runs"][0]["run_id"]
        shown = json.loads(call(folder, *at, f"--get={run_id}"))
        log = call(folder, *at, f"--log={run_id}")
        about = json.loads(call(folder, *at, "--info"))

    assert shown["state"] == "COMPLETE"
    assert json.loads(printed) == shown["outputs"]
    assert folders_of(shown["outputs"]) == [".wes_a", ".wes_b"]
    assert "Workflow completed successfully" in log
    assert "CWL" in about["workflow_type_versions"]


def test_toil_runs_a_workflow_and_prints_its_outputs(product: Product, folder: Path) -> None:
    order = inputs(folder, "toil_a", "toil_b")
    with proxy(product.url, product.token()) as host:
        endpoint, target = f"--wes_endpoint=http://{host}", f"/{ALICE}/home/toil"
        options = ("--logDebug", f"--workspace_output_folder={target}")
        printed = call(folder, "toil-wes-cwl-runner", endpoint, "main.cwl", str(order), *options)

    outputs = json.loads(printed)
    assert folders_of(outputs) == [".toil_a", ".toil_b"]
    assert all(each["location"].startswith(f"ws://{target}/") for each in outputs["found"])
