"""Makes ``.venv`` and installs the locked requirements, with nothing but Python at hand.

``python3 devstack/environment.py .venv requirements.txt …``: which environment, and which files it
shall hold. A second run finds the stamps and takes no time; two at once take turns.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


def main(venv: str, *files: str) -> None:
    """Everything; ends with one line where something is missing."""
    if sys.version_info < OLDEST:
        sys.exit(f"needs Python 3.11 or newer, and python3 is {sys.version.split()[0]}")
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var/environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure(ROOT / venv, ROOT / "requirements-installer.txt", [ROOT / file for file in files])


def ensure(venv: Path, installer: Path, files: Sequence[Path]) -> None:
    """The environment, with what the files pin; what is installed already stays."""
    if not works(venv):
        make(venv)
    wanted = [file for file in files if not stamp(venv, file).exists()]
    if not wanted:
        return
    say(f"installing {', '.join(file.name for file in wanted)} into {venv.name} (once)")
    install(venv, installer, files)
    for file in files:
        for former in venv.glob(f".installed-{file.stem}-*"):
            former.unlink()
        stamp(venv, file).touch()


def works(venv: Path) -> bool:
    python = venv / "bin/python"
    return python.exists() and succeeds([python, "-c", "import pip"])


def make(venv: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(f"{sys.executable} has no venv module: apt-get install python{version}-venv")
    say(f"making {venv.name}")
    shutil.rmtree(venv, ignore_errors=True)
    run([sys.executable, "-m", "venv", venv], "the virtual environment cannot be made")


def stamp(venv: Path, file: Path) -> Path:
    """Is there when just this content of the file is installed."""
    content = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return venv / f".installed-{file.stem}-{content}"


def install(venv: Path, installer: Path, files: Sequence[Path]) -> None:
    """With uv, which takes seconds; with pip where uv cannot (it knows no pip.conf)."""
    python = venv / "bin/python"
    options: list[str | Path] = [word for file in files for word in ("--requirement", file)]
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    uv: list[str | Path] = [
        venv / "bin/uv",
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        python,
    ]
    if succeeds([*pip, "--requirement", installer]) and succeeds([*uv, *options]):
        return
    run([*pip, *options], "the requirements cannot be installed")


def succeeds(command: Sequence[str | Path]) -> bool:
    """Without a word, also where it fails."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run(command: Sequence[str | Path], complaint: str) -> None:
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"{complaint}: see above")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
