"""Set-ups that run until they are stopped: everything, the API alone, worker and beat.

They share one set of embedded servers, which is there for as long as any of them is.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import requests

from devstack import guide, processes, records, servers
from devstack.processes import NotReady, Process, wait_until
from devstack.records import ROOT, VAR
from devstack.shared import STOPPING, Failed, end_by_signal, shared_servers, stop_event

API_PORT, FLOWER_PORT, EXPORTER_PORT, MCP_PORT, PROBE_PORT = 8000, 5555, 9808, 8002, 8001
TOO_SHORT_SECONDS = 5.0
"""A process that ends sooner than this after its start is not started again."""
CELERY = (sys.executable, "-m", "celery", "-A", "tasks", "--quiet")
FLOWER_LOGIN = "FLOWER_BASIC_AUTH"
"""User and password of Flower's pages; another password at each start where it is not set."""
EXPORTER = Path(f"{sys.prefix}-exporter") / "bin/python"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a set-up serves. 0: Flower, celery-exporter or the MCP server is left out."""

    api: int
    flower: int = 0
    exporter: int = 0
    mcp: int = 0


def api(port: int) -> None:
    """Runs the API in this terminal."""
    refuse_taken(port, "--port")
    end_by_signal()
    records.announce(f"api-{os.getpid()}", "the servers start")
    with shared_servers() as env:
        records.write(f"api-{os.getpid()}")
        command = _gunicorn(port)
        os.chdir(ROOT)
        os.execve(command[0], command, {**os.environ, **env})


def executor() -> None:
    """Worker and beat in this terminal, until Ctrl-C or SIGTERM."""
    name = f"executor-{os.getpid()}"
    end_by_signal()
    try:
        records.announce(name, "the servers start")
        with shared_servers() as env:
            records.write(name)
            children: list[Process] = []
            with stop_afterwards(name, children):
                stop = stop_event()
                children.append(_start("worker", [*CELERY, "worker"], env, None))
                children.append(_start("beat", [*CELERY, "beat"], env, None))
                supervise(children, stop, needs_servers=True)
    finally:
        records.remove(name)


def everything(port: int, flower: int, exporter: int, mcp: int) -> None:
    """All processes, until SIGTERM. 0 as a port of Flower, celery-exporter or the MCP server: the
    usual one, or any where that is taken."""
    end_by_signal()
    records.announce("all", "the servers start")
    try:
        refuse_taken(port, "--port")
        notes: list[str] = []
        ports = Ports(
            port,
            _port_of("Flower", flower, FLOWER_PORT, notes),
            _port_of("celery-exporter", exporter, EXPORTER_PORT, notes) if has_exporter() else 0,
            _port_of("MCP", mcp, MCP_PORT, notes) if find_spec("mcp") else 0,
        )
        if not ports.mcp:
            notes.append("the MCP server is left out: requirements-agents.txt is not installed")
        if not ports.exporter:
            notes.append("celery-exporter is left out: it could not be installed")
        with shared_servers() as env:
            _run("all", VAR, env, ports, notes)
    finally:
        records.remove("all")


def has_exporter() -> bool:
    """Whether celery-exporter is installed whole: where that failed, its environment is empty."""
    return any(EXPORTER.parent.parent.glob(".installed-requirements-exporter-*"))


def refuse_taken(port: int, option: str) -> None:
    """Raises ``Failed`` with a suggestion if another process listens on the port."""
    if processes.listens(port):
        raise Failed(f"port {port} is taken by another program: {option} N takes another port")


def _port_of(what: str, wanted: int, usual: int, notes: list[str]) -> int:
    """The port for it; a free one, with a note, where the usual one is taken."""
    option = f"--{what.lower().removeprefix('celery-')}-port"
    if wanted:
        refuse_taken(wanted, option)
        return wanted
    if not processes.listens(usual):
        return usual
    free = processes.free_port()
    notes.append(f"port {usual} is taken: {what} has port {free} ({option} N names another)")
    return free


def private(*, monitors: bool) -> None:
    """The same on free ports, with servers of its own; nothing is left afterwards."""
    name = f"demo-{os.getpid()}"
    end_by_signal()
    records.announce(name, "MongoDB, Redis and the simulator start")
    try:
        with processes.temporary_folder("workflows-demo-") as folder:
            own = servers.start(folder, simulated=True)
            try:
                env = servers.over(_fast(folder)) | own.env
                ports = Ports(processes.free_port(), processes.free_port() if monitors else 0)
                _run(name, folder, env, ports, [])
            finally:
                own.stop()
    finally:
        records.remove(name)


def _run(
    name: str, folder: Path, env: Mapping[str, str], ports: Ports, notes: Sequence[str]
) -> None:
    """Starts all processes, records the set-up as ready when work gets done, and waits for a
    signal."""
    log, url = folder / "log", f"http://127.0.0.1:{ports.api}"
    is_shared, probes = name == "all", _port_of_probes()
    login = os.environ.get(FLOWER_LOGIN) or f"operator:{secrets.token_urlsafe(12)}"
    records.announce(name, "API, worker and beat start")
    children: list[Process] = []
    with stop_afterwards(name, children):
        of_api = {**env, "WORKFLOW_API__PROBE_PORT": str(probes)}
        # One process suffices one person, and the machine is busy with the other starts.
        processes_of_api = () if is_shared else ("--workers", "1")
        children.append(_start("api", _gunicorn(ports.api, *processes_of_api), of_api, log))
        children.append(_start("worker", [*CELERY, "worker"], env, log))
        children.append(_start("beat", [*CELERY, "beat"], env, log))
        if is_shared:
            children += _start_monitors(env, ports, login, log)
        if ports.mcp:
            children.append(_start_agents(url, ports.mcp, log))
        _wait_until_ready(url, ports, children, needs_servers=is_shared)
        records.write(
            name,
            api=url,
            page=f"{url}/ui/",
            guide=f"{url}/docs/guide/" if guide.is_built() else "",
            probes=f"http://127.0.0.1:{probes}/api/v1/health/live",
            flower=f"http://{login}@127.0.0.1:{ports.flower}" if ports.flower else "",
            exporter=f"http://127.0.0.1:{ports.exporter}" if ports.exporter else "",
            mcp=f"http://127.0.0.1:{ports.mcp}/mcp" if ports.mcp else "",
            scheduler=env.get("WORKFLOW_SCHEDULER__URL", ""),
            logs=str(log),
            notes=list(notes),
        )
        if not is_shared:  # the demo shows its workflow first
            children += _start_monitors(env, ports, login, log)
        supervise(children, stop_event(), needs_servers=is_shared)


def _start_monitors(env: Mapping[str, str], ports: Ports, login: str, log: Path) -> list[Process]:
    """Flower and celery-exporter, each where it has a port."""
    broker = monitor_settings(servers.broker(env), servers.key_prefix(env))
    found = []
    if ports.flower:
        flower = {**broker, FLOWER_LOGIN: login}
        found.append(start_monitor("flower", flower_command(ports.flower), flower, log))
    if ports.exporter:
        command = exporter_command(ports.exporter)
        found.append(start_monitor("exporter", command, broker, log))
    return found


def _port_of_probes() -> int:
    """As the settings name it, or else as the files in ``deploy/`` do; any where that is taken."""
    if named := servers.probe_port():
        return named
    return processes.free_port() if processes.listens(PROBE_PORT) else PROBE_PORT


def _wait_until_ready(
    url: str, ports: Ports, children: Sequence[Process], *, needs_servers: bool
) -> None:
    """``children``: the API first, the MCP server last where there is one. Raises ``Failed``."""

    def is_ready() -> bool:
        if needs_servers:
            _check_servers()
        return _healthy(url)

    try:
        wait_until(is_ready, "the API is healthy", seconds=180, process=children[0])
        if ports.mcp:
            wait_until(
                lambda: processes.listens(ports.mcp), "the MCP server listens", seconds=180,
                process=children[-1],
            )  # fmt: skip
    except NotReady as error:
        raise Failed(str(error)) from None


def _fast(folder: Path) -> dict[str, str]:
    """For a private set-up: it keeps nothing outside its folder and looks every second."""
    return {"WORKFLOW_EXECUTOR__POLLING_INTERVAL_SECONDS": "1", **servers.kept_in(folder)}


def _gunicorn(port: int, *options: str) -> list[str]:
    bind = ("--bind", f"127.0.0.1:{port}")
    return [sys.executable, "-m", "gunicorn", *bind, *options, "wsgi:app"]


def monitor_settings(broker: str, key_prefix: str) -> dict[str, str]:
    """The same broker and its keys, as celery-exporter's options, which Flower's settings read."""
    settings = {"CE_BROKER_URL": broker}
    if key_prefix:
        settings["CE_BROKER_TRANSPORT_OPTION"] = f"global_keyprefix={key_prefix}"
    return settings


def flower_command(port: int) -> list[str]:
    """Without ``-A tasks``: it needs no setting but the broker (deploy/flower/celeryconfig.py)."""
    options = ["--quiet", "flower", "--address=127.0.0.1", f"--port={port}"]
    return [sys.executable, "-m", "celery", *options]


def start_monitor(name: str, command: Sequence[str], env: Mapping[str, str], log: Path) -> Process:
    """Flower or celery-exporter, which never see the keys of tokens, or any setting of ours."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("WORKFLOW_")}
    process = Process(
        name=name,
        command=tuple(command),
        log=log / f"{name}.log",
        env={**inherited, **env},
        folder=ROOT / "deploy/flower",
    )
    process.start()
    return process


def _start_agents(api_url: str, port: int, log: Path) -> Process:
    """The MCP server, a client of the API, which never sees the keys of tokens either."""
    ours = {"WORKFLOW_AGENTS__API_URL": api_url, "WORKFLOW_AGENTS__PORT": str(port)}
    given = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("WORKFLOW_")
        or key.startswith(("WORKFLOW_AGENTS__", "WORKFLOW_CONFIG_FILE"))
    }
    process = Process(
        name="mcp",
        command=(sys.executable, "-m", "agents"),
        log=log / "mcp.log",
        env={**given, **ours},
        folder=ROOT,
    )
    process.start()
    return process


def exporter_command(port: int) -> list[str]:
    """Its package has no command of its own; the broker comes by CE_BROKER_URL."""
    code = "from src.cli import cli; cli(auto_envvar_prefix='CE')"
    options = ["--host=127.0.0.1", f"--port={port}", "--retry-interval=5"]
    return [str(EXPORTER), "-c", code, *options, "--queues=advance,submissions,polls,notifications"]


def _start(name: str, command: Sequence[str], env: Mapping[str, str], log: Path | None) -> Process:
    return processes.start(
        name, command, env=env, folder=ROOT, log=log / f"{name}.log" if log else None
    )


def _healthy(url: str) -> bool:
    try:
        answer = requests.get(f"{url}/api/v1/health", timeout=5)
        return bool(answer.json()["status"] == "healthy")
    except requests.RequestException:
        return False


def supervise(children: Sequence[Process], stop: threading.Event, *, needs_servers: bool) -> None:
    """Restarts processes that end, until a signal. Raises ``Failed`` if one ends at once again."""
    while not stop.wait(0.2):
        if needs_servers:
            _check_servers()
        for child in children:
            if not child.alive:
                _again(child)


def _check_servers() -> None:
    if records.present("servers") is None:
        raise Failed("the servers of this set-up have ended, so it ends too")


def _again(child: Process) -> None:
    if child.age_seconds < TOO_SHORT_SECONDS:
        raise Failed(f"{child.name} ended at once with {child.exit_code}\n{child.tail()}")
    child.start()


@contextmanager
def stop_afterwards(name: str, children: Sequence[Process]) -> Iterator[None]:
    """Stops every child process at the end of the block; a second start of the same set-up waits
    until they have stopped."""
    try:
        yield
    finally:
        records.announce(name, STOPPING)
        stop(children)


def stop(children: Sequence[Process]) -> None:
    """Stops all processes at the same time."""
    for child in children:
        child.signal(signal.SIGTERM)
    for child in children:
        child.stop()
