"""The command line as a process whose pipes and files are not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import ROOT

NOWHERE = "http://127.0.0.1:9"
"""The port of the service that throws everything away: nothing listens."""


def run(*arguments: str | bytes, home: Path, encoding: str) -> subprocess.CompletedProcess[bytes]:
    env = {
        **os.environ,
        "PYTHONIOENCODING": encoding,
        "PYTHONUTF8": "0",
        "HOME": str(home),
        "BVBRC_WORKFLOWS_URL": NOWHERE,
        "BVBRC_TOKEN": "",
        "P3_AUTH_TOKEN": "",
        "KB_AUTH_TOKEN": "",
    }
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_no_text_ends_in_a_traceback(encoding: str, tmp_path: Path) -> None:
    odd = "größe–Ж.json"
    calls: list[tuple[list[str | bytes], int]] = [
        (["many", "--help"], 0),
        (["submit", odd], 2),
        ([b"submit", b"\xff\xfe.json"], 2),
        (["status", "wf_→"], 7),
    ]
    for arguments, code in calls:
        found = run(*arguments, home=tmp_path, encoding=encoding)

        assert b"Traceback" not in found.stderr, found.stderr
        assert found.returncode == code, found.stderr


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_token_file_that_windows_wrote_is_read(coding: str, tmp_path: Path) -> None:
    (tmp_path / ".patric_token").write_text("un=hana@bvbrc|expiry=1|sig=x\r\n", encoding=coding)

    found = run("token", home=tmp_path, encoding="utf-8")

    assert b"hana@bvbrc" in found.stdout
