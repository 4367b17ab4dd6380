"""A person's terminal: the commands of the documents run in it as they are printed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.shared import ROOT

_YES = b"y\n" * 20
_SECONDS = 240


@dataclass
class Shell:
    """Runs scripts by bash in a folder that looks like a checkout of the project."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in ROOT.iterdir():
            if each.name not in (".git", "var", "logs", "deploy"):
                (self.folder / each.name).symlink_to(each)
        programs = self.folder / "programs"
        programs.mkdir()
        program = programs / "bvbrc-workflows"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n')
        program.chmod(0o755)
        path = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.env |= {"PATH": os.pathsep.join(path), "HOME": str(self.folder)}

    def run(self, script: str, code: int = 0) -> str:
        """What it prints. It stands in a terminal and says yes to every question; it must end with
        this exit code."""
        asked, terminal = os.openpty()
        try:
            os.write(asked, _YES)
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env={**os.environ, **self.env},
                stdin=terminal,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        finally:
            os.close(asked)
            os.close(terminal)
        assert ended.returncode == code, f"{script}\nended with {ended.returncode}:\n{ended.stdout}"
        return ended.stdout
