"""The simulator as the tests of BV-BRC's clients use it."""

from __future__ import annotations

from tests.bvbrc.conftest import simulator, simulator_server

__all__ = ["simulator", "simulator_server"]
