"""Writes docs/agents.md: what ``/llms.txt`` answers."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# The package reads its settings as it is imported, and wants a key.
os.environ.setdefault("WORKFLOW_AUTH__TOKEN_KEYS", json.dumps([Fernet.generate_key().decode()]))

from app.api.reference import render_reference  # noqa: E402 - the root must be on the path first

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    (ROOT / "docs" / "agents.md").write_text(render_reference(), encoding="utf-8")
