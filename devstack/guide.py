"""``python -m devstack.guide``: builds ``docs/`` as the site that the API serves.

A site that is built of the same files is left as it is. Two builds at once go one after the other,
and the API sees the former site or the whole new one. A link that leads nowhere ends the build.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "app/guide/site"
SOURCES = ("mkdocs.yml", "requirements-guide.txt", "devstack/guide.py", "docs")
STAMP = "built-of.txt"
NOT_SERVED = ("assets/**/*.map", "sitemap.xml*", "404.html")
"""Files that the site does not need: the API has its own page for what is missing."""


def main() -> None:
    """Ends with one line where the site cannot be built."""
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var/guide.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure(SITE)


def is_built() -> bool:
    return (SITE / STAMP).exists()


def ensure(site: Path) -> None:
    """Builds the site unless it is built of exactly these files."""
    wanted = fingerprint()
    stamp = site / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return
    draft = site.with_name(f"{site.name}-draft")
    build(draft)
    (draft / STAMP).write_text(wanted)
    shutil.rmtree(site, ignore_errors=True)
    draft.rename(site)


def build(folder: Path, root: Path = ROOT) -> None:
    """Into ``folder``, from the sources in ``root``. A link that leads nowhere ends the process."""
    # Not with --quiet: MkDocs would then count no warning, and --strict would find nothing.
    ended = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--site-dir", str(folder)],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},  # of mkdocs-material, about its successor
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"{ended.stderr}the guide cannot be built: see above")
    for pattern in NOT_SERVED:
        for file in folder.glob(pattern):
            file.unlink()


def fingerprint() -> str:
    """Of the names and contents of all sources."""
    tops = [ROOT / name for name in SOURCES]
    files = {file for top in tops for file in ([top] if top.is_file() else top.rglob("*"))}
    found = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        found.update(f"{file.relative_to(ROOT)}\0{file.stat().st_size}\0".encode())
        found.update(file.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    main()
