"""Counters that all processes of a host share: each writes its own files, a scrape adds them up.

A process that has ended leaves its files behind, and what they count must not vanish (a counter
that falls reads as a restart). So the next process to start folds them into one archive. The
manifest says which files count: replacing it is the one step that commits a fold.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

KINDS: Final = ("counter", "histogram")
FILE_BYTES: Final = 1 << 19
"""Reserved at the start, so that a full disk causes an error there and not a SIGBUS later."""
_TRIES: Final = 5
_MANIFEST: Final = "manifest.json"


class Files:
    """The folder of one stack's metrics on this host, and this process's own files in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._identity = ""
        self._pid = 0
        self._alive: int | None = None
        """A descriptor whose lock says that the process lives; it ends with the process."""

    def identity(self) -> str:
        """This process in the names of its files; another one after a fork.

        Not the bare process id: containers that share the folder may have the same.
        """
        if self._pid != os.getpid():
            if self._alive is not None:
                os.close(self._alive)  # the parent's, which holds it still
            self._pid = os.getpid()
            self._identity = f"{self._pid}-{secrets.token_hex(4)}"
            self._alive = os.open(self._lock(self._identity), os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(self._alive, fcntl.LOCK_EX)
        return self._identity

    def open(self) -> None:
        """Makes the folder and this process's files, and folds the files of dead processes.

        Raises ``OSError`` where the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.fold()
        for kind in KINDS:
            path = self.folder / f"{kind}_{self.identity()}.db"
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)

    def collect(self) -> list[Metric]:
        """All processes' counters and histograms, those of the dead included."""
        for _ in range(_TRIES - 1):
            with suppress(FileNotFoundError):  # a fold came between
                return self._merge()
        return self._merge()

    def _merge(self) -> list[Metric]:
        return list(MultiProcessCollector.merge(list(map(str, self._counting(self._manifest())))))

    def fold(self) -> None:
        """Adds the files of dead processes to the archive; one process at a time."""
        with (self.folder / "fold.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another process folds now
                return
            self._tidy()
            dead = [path for path in self._own_files() if not self._lives(path)]
            if dead:
                self._commit(dead)
                self._tidy()

    def _commit(self, dead: Iterable[Path]) -> None:
        """Writes the new archive beside the old one, then commits it in the manifest."""
        before, folded = self._manifest(), [path.name for path in dead]
        generation = int(before["generation"]) + 1
        archives = []
        for kind in KINDS:
            paths = [self.folder / name for name in (*before["archives"], *folded)]
            archive = self.folder / f"{kind}_archive-{generation}.db"
            _write(archive, _add_values(path for path in paths if path.name.startswith(kind)))
            archives.append(archive.name)
        draft = self.folder / "manifest.draft"
        manifest = {"generation": generation, "archives": archives, "folded": folded}
        with draft.open("w") as file:
            json.dump(manifest, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / _MANIFEST)

    def _tidy(self) -> None:
        """Removes files that no longer count, also after an interrupted fold."""
        manifest = self._manifest()
        for name in manifest["folded"]:
            path = self.folder / name
            path.unlink(missing_ok=True)
            self._lock(_identity_of(path)).unlink(missing_ok=True)
        for path in self.folder.glob("*_archive-*.db"):
            if path.name not in manifest["archives"]:
                path.unlink(missing_ok=True)

    def _counting(self, manifest: dict[str, Any]) -> list[Path]:
        own = [path for path in self._own_files() if path.name not in manifest["folded"]]
        return [*own, *(self.folder / name for name in manifest["archives"])]

    def _own_files(self) -> list[Path]:
        """The processes' files, dead or alive, in no order; one that is just made is left out."""
        found = (path for path in self.folder.glob("*.db") if "_archive-" not in path.name)
        return [path for path in found if path.stat().st_size]

    def _lives(self, path: Path) -> bool:
        """Whether the writer of this file still runs: it holds its lock to its end."""
        with suppress(FileNotFoundError), self._lock(_identity_of(path)).open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def _lock(self, identity: str) -> Path:
        return self.folder / f"{identity}.alive"

    def _manifest(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / _MANIFEST).read_text())
        except FileNotFoundError:
            return {"generation": 0, "archives": [], "folded": []}
        return found


def _identity_of(path: Path) -> str:
    return path.stem.partition("_")[2]


def _add_values(paths: Iterable[Path]) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for path in paths:
        for key, value, *_ in MmapedDict.read_all_values_from_file(str(path)):
            total[key] += value
    return total


def _write(path: Path, values: dict[str, float]) -> None:
    path.unlink(missing_ok=True)
    file = MmapedDict(str(path))
    for key, value in values.items():
        file.write_value(key, value, 0.0)
    file.close()
