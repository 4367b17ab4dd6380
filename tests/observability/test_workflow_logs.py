"""Log files of single workflows stay small and do not stay for ever."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from observability.workflow_logs import WorkflowLogs


def test_lines_are_appended_to_a_file_of_the_workflow(tmp_path: Path) -> None:
    logs = WorkflowLogs(tmp_path / "new", largest_bytes=1000, days=1)

    logs.append("wf_1", "first\n")
    logs.append("wf_1", "second\n")

    assert (tmp_path / "new/wf_1.log").read_text() == "first\nsecond\n"


def test_a_full_file_begins_anew_and_one_former_is_kept(tmp_path: Path) -> None:
    logs = WorkflowLogs(tmp_path, largest_bytes=20, days=1)

    for number in range(7):
        logs.append("wf_1", f"line {number}\n")

    assert (tmp_path / "wf_1.log.1").read_text() == "line 3\nline 4\nline 5\n"
    assert (tmp_path / "wf_1.log").read_text() == "line 6\n"


def test_no_line_is_lost_between_the_two_files_whoever_rotates(tmp_path: Path) -> None:
    logs = WorkflowLogs(tmp_path, largest_bytes=7000, days=1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: logs.append("wf_1", f"line {number:04}\n"), range(1000)))

    lines = "".join(path.read_text() for path in tmp_path.glob("wf_1.log*")).splitlines()
    assert sorted(lines) == [f"line {number:04}" for number in range(1000)]


def test_a_file_that_nobody_wrote_to_for_long_goes(tmp_path: Path) -> None:
    logs = WorkflowLogs(tmp_path, largest_bytes=1000, days=30)
    for name in ("old.log", "old.log.1", "young.log", "foreign.txt"):
        (tmp_path / name).write_text("")
    before = time.time() - 31 * 86_400
    for name in ("old.log", "old.log.1", "foreign.txt"):
        os.utime(tmp_path / name, (before, before))

    assert logs.tidy() == 2

    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign.txt", "young.log"]
    assert WorkflowLogs(tmp_path, largest_bytes=1000, days=0).tidy() == 0


def test_a_folder_that_is_not_there_yet_is_tidy(tmp_path: Path) -> None:
    assert WorkflowLogs(tmp_path / "none", largest_bytes=1000, days=1).tidy() == 0


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    logs = WorkflowLogs(tmp_path, largest_bytes=1, days=1)

    for _ in range(2):
        logs.append("wf_1", "first\n")

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("wf_1*")}
    assert modes == {"wf_1.log.1": 0o600}


def test_the_files_of_removed_workflows_go(tmp_path: Path) -> None:
    logs = WorkflowLogs(tmp_path, largest_bytes=7, days=1)
    for workflow in ("wf_1", "wf_1", "wf_2"):
        logs.append(workflow, "first\n" if workflow == "wf_2" else "a longer line\n")

    assert logs.remove(["wf_1", "wf_3"]) == 1

    assert [path.name for path in tmp_path.glob("wf*")] == ["wf_2.log"]
