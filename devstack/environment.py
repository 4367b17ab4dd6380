"""Makes ``.venv`` and installs the locked requirements, with nothing but Python at hand.

``python3 devstack/environment.py .venv requirements.txt …``: the environment, and the requirements
files to install into it. A second run finds the stamps and takes no time; two runs at once go one
after the other.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    # Ctrl-C while modules are loaded: no traceback, and nothing is half made yet.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
OLDEST, TOO_NEW = (3, 11), (3, 15)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PROGRESS_SECONDS = 2.5
DIGITS = 16
"""Of a digest in the name of a stamp."""
BEGAN = time.monotonic()
NOT_LOADED = (
    "/(tests?|testing|lexers|styles|pip|setuptools|networkx|rdtypes|pycparser|markdown_it)/"
)
"""Folders of packages, as a regular expression."""


def main(venv: str, *files: str) -> None:
    """Makes the environment; ends with one line if something is missing."""
    if not OLDEST <= sys.version_info < TOO_NEW:
        sys.exit(f"needs Python 3.11, 3.12, 3.13 or 3.14, and this is {sys.version.split()[0]}")
    try:
        (ROOT / "var").mkdir(exist_ok=True)
        lock = (ROOT / "var/environment.lock").open("w")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}: this folder must be writable")
    with lock:
        wait_for_turn(lock)
        # Child processes hold the lock too: if we are killed, the next run waits for their end.
        os.set_inheritable(lock.fileno(), True)
        ensure(ROOT / venv, ROOT / "requirements-installer.txt", [ROOT / file for file in files])


def ensure(venv: Path, installer: Path, files: Sequence[Path]) -> None:
    """The environment, with what the files pin; what is installed already stays."""
    unfinished = ROOT / f"var/{venv.name}.unfinished"
    whole = works(venv) and not unfinished.exists()
    wanted = [file for file in files if not whole or not stamp(venv, file).exists()]
    if not wanted:
        return
    unfinished.touch()
    if not whole:
        make(venv)
    say(f"installing {', '.join(file.name for file in wanted)} into {venv.name} (once)")
    install(venv, installer, files)
    record(venv, files)
    unfinished.unlink()


def record(venv: Path, files: Sequence[Path]) -> None:
    """Stamps for these files in place of former ones; those of other files stay, also of
    requirements-dev.txt where requirements.txt is installed."""
    for file in files:
        for former in venv.glob(f".installed-{file.stem}-{'[0-9a-f]' * DIGITS}"):
            former.unlink()
        stamp(venv, file).touch()


def wait_for_turn(lock: IO[str]) -> None:
    """Takes the lock; says so, again and again, while another process that installs has it."""
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say_progress("waiting for another process that installs here")
            time.sleep(0.1)
        else:
            return


def works(venv: Path) -> bool:
    python = venv / "bin/python"
    return python.exists() and succeeds([python, "-c", "pass"])


def make(venv: Path) -> None:
    if pip_wheel() is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(f"{sys.executable} has no venv module: apt-get install python{version}-venv")
    say(f"making {venv.name}")
    shutil.rmtree(venv, ignore_errors=True)
    command: list[str | Path] = [sys.executable, "-m", "venv", "--without-pip", venv]
    run(command, "the virtual environment cannot be made")


def pip_wheel() -> Path | None:
    """The pip that comes with Python, which runs as it is; to install it first takes seconds."""
    module = importlib.util.find_spec("ensurepip")
    if module is None or module.origin is None:
        return None
    folders = [Path(module.origin).with_name("_bundled")]
    if elsewhere := sysconfig.get_config_var("WHEEL_PKG_DIR"):
        folders.insert(0, Path(elsewhere))
    return next((wheel for each in folders for wheel in each.glob("pip-*.whl")), None)


def stamp(venv: Path, file: Path) -> Path:
    """The file that exists if exactly this content is installed."""
    content = hashlib.sha256(file.read_bytes()).hexdigest()[:DIGITS]
    return venv / f".installed-{file.stem}-{content}"


def install(venv: Path, installer: Path, files: Sequence[Path]) -> None:
    """Installs with uv, which takes seconds; with pip if uv fails (it does not read pip.conf)."""
    python = venv / "bin/python"
    options: list[str | Path] = [word for file in files for word in ("--requirement", file)]
    pip: list[str | Path] = [
        python,
        f"{pip_wheel()}/pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    uv: list[str | Path] = [
        venv / "bin/uv",
        "pip",
        "install",
        "--quiet",
        *([] if os.access(os.path.expanduser("~"), os.W_OK) else ["--no-cache"]),
        "--python",
        python,
    ]
    has_uv = stamp(venv, installer).exists()
    if not has_uv and succeeds([*pip, "--no-compile", "--requirement", installer]):
        stamp(venv, installer).touch()
        has_uv = True
    if has_uv and succeeds([*uv, *options]):
        compile_modules(venv)
    else:
        run([*pip, *options], "the requirements cannot be installed")


def compile_modules(venv: Path) -> None:
    """Compiles what uv installed, but for what no process of ours loads. Otherwise all processes of
    the first start compile the same modules at the same time."""
    python = venv / "bin/python"
    words: list[str | Path] = [
        python,
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "-x",
        NOT_LOADED,
        venv / "lib",
    ]
    finish(words, stderr=subprocess.DEVNULL)


def succeeds(command: Sequence[str | Path]) -> bool:
    """Whether the command succeeds; it prints nothing."""
    return finish(command, stderr=subprocess.DEVNULL) == 0


def run(command: Sequence[str | Path], complaint: str) -> None:
    if finish(command, stderr=None):
        sys.exit(f"{complaint}: see above")


def finish(command: Sequence[str | Path], *, stderr: int | None) -> int:
    """The exit code of a command; every few seconds a line says that it still works. Ctrl-C ends it
    silently."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        close_fds=False,
        start_new_session=True,
    ) as child:

        def end(number: int, _: object) -> None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            os._exit(128 + number)

        before = {number: signal.signal(number, end) for number in SIGNALS}
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return child.wait(0.1)
                say_progress(f"{time.monotonic() - BEGAN:5.0f} s")
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


_said = [BEGAN]
"""When the last line was written, on the monotonic clock."""


def say(text: str) -> None:
    _said[0] = time.monotonic()
    sys.stderr.write(f"{text}\n")


def say_progress(text: str) -> None:
    """Says it where nothing has been said for some seconds."""
    if time.monotonic() - _said[0] >= PROGRESS_SECONDS:
        say(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
