"""Every script says what it does, and what it refuses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import processes
from tests.devstack.conftest import LONG, Marked
from tests.shared import ROOT

SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.sh") if path.name != "lib.sh")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_help_is_printed_and_nothing_else_happens(script: Path, tmp_path: Path) -> None:
    ended = run(script, "--help", cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(script.read_text().splitlines()[1].removeprefix("# "))
    assert ended.stderr == ""


@pytest.mark.parametrize("name", ["stop_all.sh", "start_executor.sh", "start_api.sh"])
def test_what_a_script_does_not_take_is_refused(name: str) -> None:
    ended = run(ROOT / "scripts" / name, "--all-of-it")

    assert ended.returncode == 2
    assert "--all-of-it" in ended.stderr


def run(script: Path, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(script), *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=LONG
    )


@pytest.mark.parametrize("option", ["--port", "--flower-port", "--exporter-port", "--mcp-port"])
def test_a_taken_port_is_named_with_the_way_out(marked: Marked, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = marked.run("up", f"--port={processes.free_port()}", f"{option}={port}")

    assert up.returncode == 1
    assert f"port {port} is taken by another program: {option} N takes another port" in up.stderr
    assert "Traceback" not in up.stderr


def test_a_folder_that_cannot_be_written_is_named_in_one_line(
    marked: Marked,
) -> None:
    marked.env["DEVSTACK_VAR"] = "/proc/nowhere"

    for command in ("up", "api", "executor"):
        ended = marked.run(command)

        assert ended.returncode == 1
        assert "/proc/nowhere" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_disk_that_takes_nothing_is_named_in_one_line(marked: Marked) -> None:
    """A limit on the size of files takes the place of a full disk."""
    (marked.folder / "run").mkdir()
    command = [sys.executable, "-m", "devstack", "executor"]

    ended = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command],
        env={**os.environ, **marked.env, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )

    assert ended.returncode == 1
    assert ended.stderr == f"{marked.folder}: File too large\n"
