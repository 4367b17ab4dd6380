"""What is installed is remembered for each file of requirements by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack import setups
from devstack.environment import record, stamp


def test_the_stamps_of_other_files_stay(tmp_path: Path) -> None:
    plain, dev = tmp_path / "requirements.txt", tmp_path / "requirements-dev.txt"
    plain.write_text("a")
    dev.write_text("b")
    record(tmp_path, [plain, dev])
    former = stamp(tmp_path, plain)

    plain.write_text("c")
    record(tmp_path, [plain])

    assert stamp(tmp_path, plain).exists()
    assert stamp(tmp_path, dev).exists()
    assert not former.exists()


def test_an_exporter_that_could_not_be_installed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "requirements-exporter.txt"
    requirements.write_text("a")
    monkeypatch.setattr(setups, "EXPORTER", tmp_path / "bin/python")
    setups.EXPORTER.parent.mkdir()
    setups.EXPORTER.touch()
    assert not setups.has_exporter()

    record(tmp_path, [requirements])

    assert setups.has_exporter()
