"""Set-ups that run until they are told to stop: everything, the API alone, worker and beat.

They share one set of embedded servers, which is there for as long as any of them is.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import requests

from devstack import processes, records, servers
from devstack.processes import NotReady, Process, wait_until
from devstack.records import VAR
from devstack.servers import ROOT

API_PORT, FLOWER_PORT, EXPORTER_PORT = 8000, 5555, 9808
TOO_SHORT_SECONDS = 5.0
"""Who ends sooner than this after its start will do so again: it is not started again."""
CELERY = (sys.executable, "-m", "celery", "-A", "tasks", "--quiet")
EXPORTER = ROOT / ".venv-exporter/bin/python"


class Failed(Exception):
    """A set-up cannot start or go on; the message is for the terminal."""


def api(port: int) -> None:
    """Becomes the API in this terminal."""
    with shared_servers() as env:
        records.write("api")
        command = _gunicorn(port)
        os.chdir(ROOT)
        os.execve(command[0], command, {**os.environ, **env})


def executor() -> None:
    """Worker and beat in this terminal, until Ctrl-C or SIGTERM."""
    with shared_servers() as env:
        records.write("executor")
        children = [
            _start("worker", [*CELERY, "worker"], env, None),
            _start("beat", [*CELERY, "beat"], env, None),
        ]
        supervise(children)


def everything(*, private: bool = False) -> None:
    """All processes, until SIGTERM. ``private``: on free ports, with servers of its own, and
    nothing is left afterwards."""
    if private:
        with processes.temporary_folder("workflows-demo-") as folder:
            own = servers.start(folder, simulated=True)
            try:
                _run_everything(
                    f"demo-{os.getpid()}",
                    folder,
                    servers.over(_fast(folder)) | own.env,
                    fixed=False,
                )
            finally:
                own.stop()
    else:
        with shared_servers() as env:
            _run_everything("all", VAR, env, fixed=True)


def _run_everything(name: str, folder: Path, env: Mapping[str, str], *, fixed: bool) -> None:
    """``fixed``: the API's port is the known one; the others' are where they are free."""
    port = API_PORT if fixed else processes.free_port()
    if fixed and processes.listens(port):
        raise Failed(f"port {port} is taken: who listens there?")
    flower = FLOWER_PORT if fixed and not processes.listens(FLOWER_PORT) else processes.free_port()
    log = folder / "log"
    children = [
        _start("api", _gunicorn(port), env, log),
        _start("worker", [*CELERY, "worker"], env, log),
        _start("beat", [*CELERY, "beat"], env, log),
        _start("flower", _flower(flower), env, log),
    ]
    with_exporter = fixed and EXPORTER.exists() and not processes.listens(EXPORTER_PORT)
    if with_exporter:
        broker = {"CE_BROKER_URL": servers.broker(env)}
        children.append(_start("exporter", _exporter(), broker, log))
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _healthy(url), "the API is healthy", seconds=90, process=children[0])
        records.write(
            name,
            api=url,
            flower=f"http://127.0.0.1:{flower}",
            exporter=f"http://127.0.0.1:{EXPORTER_PORT}" if with_exporter else "",
            scheduler=env.get("WORKFLOW_SCHEDULER__URL", ""),
            logs=str(log),
        )
    except NotReady as error:
        stop(children)
        raise Failed(str(error)) from None
    supervise(children)
    records.remove(name)


def _fast(folder: Path) -> dict[str, str]:
    """For a private set-up: it keeps nothing outside its folder and looks every second."""
    return {
        "WORKFLOW_EXECUTOR__POLLING_INTERVAL_SECONDS": "1",
        "WORKFLOW_LOGGING__WORKFLOW_LOG_DIR": str(folder / "logs/workflows"),
        "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": str(folder / "logs/executor.log"),
        "WORKFLOW_METRICS__MULTIPROC_DIR": str(folder / "metrics"),
        "WORKFLOW_METRICS__PORT": str(processes.free_port()),
    }


def _gunicorn(port: int) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "wsgi:app"]


def _flower(port: int) -> list[str]:
    return [*CELERY, "flower", "--address=127.0.0.1", f"--port={port}"]


def _exporter() -> list[str]:
    """Its package has no command of its own; the broker comes by CE_BROKER_URL."""
    code = "from src.cli import cli; cli(auto_envvar_prefix='CE')"
    options = ["--host=127.0.0.1", f"--port={EXPORTER_PORT}", "--retry-interval=5"]
    return [str(EXPORTER), "-c", code, *options, "--queues=advance,submissions,polls"]


def _start(name: str, command: Sequence[str], env: Mapping[str, str], log: Path | None) -> Process:
    return processes.start(
        name, command, env=env, folder=ROOT, log=log / f"{name}.log" if log else None
    )


def _healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/v1/health", timeout=5).ok
    except requests.RequestException:
        return False


def supervise(children: Sequence[Process]) -> None:
    """Until a signal: starts again whoever ends, and stops all where one cannot live."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    try:
        while not told.wait(0.2):
            for child in children:
                if not child.alive:
                    _again(child)
    finally:
        stop(children)


def _again(child: Process) -> None:
    if child.age_seconds < TOO_SHORT_SECONDS:
        raise Failed(f"{child.name} ended at once with {child.exit_code}\n{child.tail()}")
    child.start()


def stop(children: Sequence[Process]) -> None:
    """All at the same time."""
    for child in children:
        child.signal(signal.SIGTERM)
    for child in children:
        child.stop()


@contextmanager
def shared_servers() -> Iterator[dict[str, str]]:
    """Settings that lead to this folder's servers, which are started where they are not there.

    Whoever uses them holds a lock on a file, and a process that it becomes still does; the servers
    end when nobody holds it any more.
    """
    VAR.mkdir(exist_ok=True)
    with _users_file() as users, (VAR / "servers.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        os.set_inheritable(users.fileno(), True)
        facts = records.read("servers")
        if facts is None:
            detached("servers")
            facts = records.read("servers")
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield servers.over((facts or {})["env"])


def keep_servers() -> None:
    """Runs the shared servers for as long as somebody uses them; SIGTERM ends them sooner."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    running = servers.start(VAR)
    # The lock that says "nobody" is held until all is stopped: who comes now starts them anew.
    with _users_file() as users:
        try:
            records.write("servers", env=running.env)
            while not told.wait(0.5) and not _nobody_uses(users):
                for process in running.started:
                    if not process.alive:
                        process.start()
        finally:
            running.stop()
            records.remove("servers")


def _nobody_uses(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _users_file() -> IO[str]:
    return (VAR / "servers.users").open("w")


def detached(*words: str, record: str = "") -> int:
    """Starts a set-up of its own, which outlives us, and waits until it has recorded itself.

    Its pid. Raises ``Failed`` with what it said where it ends first.
    """
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "devstack", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,
        )
        name = record or words[0]
        while records.read(name.format(pid=child.pid)) is None:
            try:
                child.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            output.seek(0)
            raise Failed(output.read().strip())
    child.returncode = 0  # it goes on without us: no complaint that nobody waited for it
    return child.pid
