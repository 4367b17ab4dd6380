"""Pictures of pages, for the documents: tests take all of them, and no document shows another one.

``SCREENSHOTS=docs/screenshots ./scripts/test.sh tests/ui`` renews those in the documents; otherwise
they go to ``var/screenshots``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page

from tests.shared import ROOT

SHOTS = ROOT / os.environ.get("SCREENSHOTS", "var/screenshots")
KEPT = ROOT / "docs/screenshots"
ELSEWHERE = {KEPT / "graph-ten-thousand.png"}
"""What ``test_graph_browser.py`` takes."""
_PICTURE = re.compile(r"\]\(([^)\s]+\.(?:png|svg|jpe?g|gif|webp))\)")


def shoot(page: Page, name: str) -> Path:
    """Waits until nothing moves, so that the same page gives the same picture. Answers the file
    among the documents."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_load_state("load")
    page.screenshot(path=Path(SHOTS, f"{name}.png"), animations="disabled")
    return KEPT / f"{name}.png"


def shown() -> set[Path]:
    """All pictures that a document shows or links to."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return {
        (page.parent / name).resolve()
        for page in pages
        for name in _PICTURE.findall(page.read_text(encoding="utf-8"))
    }
