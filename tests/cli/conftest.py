"""The command line against the running product."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.product import ALICE, Product


@dataclass
class Terminal:
    """Types commands; the token is in the environment, the home folder is empty."""

    product: Product
    folder: Path

    def __call__(self, *arguments: str, user: str | None = ALICE, given: str = "") -> Result:
        env = {
            "BVBRC_WORKFLOWS_URL": self.product.url,
            "HOME": str(self.folder),
            "BVBRC_TOKEN": self.product.token(user) if user else "",
            "P3_AUTH_TOKEN": "",
            "KB_AUTH_TOKEN": "",
        }
        return CliRunner().invoke(main, arguments, input=given, env=env, catch_exceptions=False)

    def file(self, found: Any, name: str = "workflow.json") -> str:
        path = self.folder / name
        path.write_text(found if isinstance(found, str) else json.dumps(found))
        return str(path)


@pytest.fixture
def terminal(product: Product, tmp_path: Path) -> Terminal:
    return Terminal(product, tmp_path)
