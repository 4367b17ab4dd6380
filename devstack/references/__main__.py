"""Writes every reference that is made from the code, and names the pages that changed."""

from __future__ import annotations

import json
import os

from cryptography.fernet import Fernet

# The package `app` reads its settings as it is imported, and wants a key.
os.environ.setdefault("WORKFLOW_AUTH__TOKEN_KEYS", json.dumps([Fernet.generate_key().decode()]))

from devstack.records import ROOT
from devstack.references.pages import render_all


def main() -> None:
    for name, text in render_all().items():
        page = ROOT / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"{name} is new")


if __name__ == "__main__":
    main()
