"""Writes the OpenAPI document, without any server: ``python -m devstack.release.openapi FILE``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet


def main(target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "WORKFLOW_AUTH__TOKEN_KEYS": json.dumps([Fernet.generate_key().decode()]),
            "WORKFLOW_METRICS__MULTIPROC_DIR": f"{folder}/metrics",
            "WORKFLOW_LOGGING__WORKFLOW_LOG_DIR": f"{folder}/workflows",
            "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": f"{folder}/executor.log",
        }
        # Packages read their settings as they are imported.
        from app import create_app  # noqa: PLC0415
        from config.settings import load_settings  # noqa: PLC0415

        answer = create_app(load_settings()).test_client().get("/openapi.json")
        Path(target).write_bytes(answer.data)


if __name__ == "__main__":
    main(*sys.argv[1:])
