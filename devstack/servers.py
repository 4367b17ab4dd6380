"""The servers of a set-up: servers that the settings name are used as they are, others are
started."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import environ
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from config import settings
from config.sections import Broker, Metrics, MongoDB, Scheduler
from devstack import embedded, processes
from devstack.processes import Process, wait_until
from devstack.records import ROOT
from simulator.client import Simulator

KEYS = "WORKFLOW_AUTH__TOKEN_KEYS"
DEFAULTS = {
    "mongodb.uri": MongoDB().uri,
    "mongodb.host": MongoDB().host,
    "broker.url": Broker().address,
    "scheduler.url": Scheduler().url,
    "metrics.host": Metrics().host,
}


@dataclass(slots=True)
class Servers:
    """The started servers, and the settings that point to them."""

    env: dict[str, str] = field(default_factory=dict)
    started: list[Process] = field(default_factory=list)

    def stop(self) -> None:
        for process in reversed(self.started):
            process.stop()


def is_configured(key: str) -> bool:
    """Whether the environment or the settings file names a value other than the default."""
    if environ.get(settings.PREFIX + key.upper().replace(".", "__")):
        return True
    value = _in_file(key)
    return value is not None and value != DEFAULTS.get(key)


def _in_file(key: str) -> object:
    section, _, name = key.partition(".")
    file = Path(environ.get(settings.FILE_VARIABLE) or settings.DEFAULT_FILE)
    return settings.read_file(file).get(section, {}).get(name)


def broker(env: Mapping[str, str]) -> str:
    """The broker that processes with these settings use."""
    if url := env.get("WORKFLOW_BROKER__URL") or environ.get("WORKFLOW_BROKER__URL"):
        return url
    return str(_in_file("broker.url") or DEFAULTS["broker.url"])


def key_prefix(env: Mapping[str, str]) -> str:
    """What begins its keys there."""
    variable = "WORKFLOW_BROKER__KEY_PREFIX"
    if prefix := env.get(variable) or environ.get(variable):
        return prefix
    found = _in_file("broker.key_prefix")
    return Broker().key_prefix if found is None else str(found)


def probe_port() -> int:
    """The port that the settings name for health probes; 0: none."""
    named = environ.get("WORKFLOW_API__PROBE_PORT") or str(_in_file("api.probe_port") or 0)
    return int(named) if named.isdigit() else 0


def start(folder: Path, *, simulated: bool = False) -> Servers:
    """Starts the servers that no setting names. ``folder`` keeps files, logs and keys for later
    starts.

    ``simulated``: BV-BRC is simulated also where its address is named. Raises ``BadSettings``
    before anything is started; a key for tokens is made where none is named.
    """
    servers = Servers()
    if not is_configured("auth.token_keys"):
        environ[KEYS] = servers.env[KEYS] = token_keys(folder)
    settings.read_settings()
    if not is_configured("metrics.host"):
        servers.env["WORKFLOW_METRICS__HOST"] = "127.0.0.1"
    try:
        if not (is_configured("mongodb.uri") or is_configured("mongodb.host")):
            mongod = embedded.start_mongod(folder / "mongodb")
            servers.started.append(mongod.process)
            servers.env["WORKFLOW_MONGODB__URI"] = mongod.uri
        if not is_configured("broker.url"):
            redis = embedded.start_redis(folder / "redis")
            servers.started.append(redis.process)
            servers.env["WORKFLOW_BROKER__URL"] = redis.uri
        if simulated or not is_configured("scheduler.url"):
            process, simulator = start_simulator(folder)
            servers.started.append(process)
            servers.env |= leading_to(simulator)
            # The simulator forgets its jobs when it ends; a workflow need not wait a day for them.
            servers.env["WORKFLOW_EXECUTOR__LOST_JOB_DEADLINE_SECONDS"] = "60"
    except BaseException:
        servers.stop()
        raise
    return servers


def in_words(switches: Mapping[str, object]) -> list[str]:
    """The simulator's options that set these switches."""
    return [f"--switch={name}={json.dumps(value)}" for name, value in switches.items()]


def start_simulator(
    folder: Path, switches: Mapping[str, object] | None = None
) -> tuple[Process, Simulator]:
    """The simulator, once it listens; with the key and, where it is free, the port of last time,
    so that the tokens of last time are still good."""
    kept = folder / "simulator.port"
    port = int(kept.read_text()) if kept.exists() else 0
    if not port or processes.listens(port):
        port = processes.free_port()
    process = processes.start(
        "simulator",
        [
            *(sys.executable, "-m", "simulator"),
            *("--port", port, "--key-file", signing_key(folder)),
            *in_words(switches or {}),
        ],
        log=folder / "simulator.log",
        folder=ROOT,
    )
    wait_until(lambda: processes.listens(port), "the simulator listens", process=process)
    kept.write_text(str(port))
    return process, Simulator(f"http://127.0.0.1:{port}")


def simulator_of(scheduler_url: str) -> Simulator:
    """The simulator that takes the place of AppService there."""
    return Simulator(scheduler_url.removesuffix("/services/app_service"))


def leading_to(simulator: Simulator) -> dict[str, str]:
    """The settings under which a simulator takes BV-BRC's place."""
    return {
        "WORKFLOW_SCHEDULER__URL": simulator.app_service_url,
        "WORKFLOW_SCHEDULER__MINHASH_URL": simulator.minhash_url,
        "WORKFLOW_WORKSPACE__URL": simulator.workspace_url,
        "WORKFLOW_DATA_API__URL": simulator.api_url,
        "WORKFLOW_AUTH__TRUSTED_SIGNERS": json.dumps([simulator.signer]),
        "WORKFLOW_AUTH__SERVICE_URL": simulator.url,
    }


def kept_in(folder: Path) -> dict[str, str]:
    """The settings under which a set-up writes nowhere else, and shares no port."""
    return {
        "WORKFLOW_LOGGING__WORKFLOW_LOG_DIR": str(folder / "logs/workflows"),
        "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": str(folder / "logs/executor.log"),
        "WORKFLOW_METRICS__MULTIPROC_DIR": str(folder / "metrics"),
        "WORKFLOW_METRICS__PORT": str(processes.free_port()),
    }


def token_keys(folder: Path) -> str:
    """The key of this set-up, as the settings want it; made at the first time."""
    file = folder / "token_keys.json"
    if not file.exists():
        _keep_secret(file, json.dumps([Fernet.generate_key().decode()]).encode())
    return file.read_text()


def signing_key(folder: Path) -> Path:
    """What the simulator signs tokens with; made at the first time."""
    file = folder / "simulator.pem"
    if not file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        _keep_secret(file, key.private_bytes(serialization.Encoding.PEM, form, plain))
    return file


def _keep_secret(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.new")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)


def over(env: Mapping[str, str]) -> dict[str, str]:
    """These settings, where the environment does not say otherwise."""
    return {name: environ.get(name) or value for name, value in env.items()}
