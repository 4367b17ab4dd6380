"""Runs every test, several at once, and what failed once more, alone.

Servers, browsers and clocks share two cores, so a test can fail for the load of its neighbours.
CPython's own runner (``python -m test -w``) looks at such a test a second time, alone; so does this
one, and lists what passed then, since it must be mended all the same. A promise of the engine
(``tests/reliability``) gets no second look, for a race shows itself seldom; nor does anything when
more than ``MOST`` tests failed: then it is not the load.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
"""Where pytest's own cache keeps the failed tests: an object whose keys are their ids."""
GROUP = re.compile(r"@[\w-]+$")
"""What pytest-xdist adds to the id of a test of a group."""
PROMISES = "tests/reliability/"
MOST = 3
SOME_FAILED = 1
"""pytest's exit code; greater ones are for what broke the run itself."""

# Six at once on two cores: most of a test's time it waits for servers, leases and graces. They
# begin in the order of tests/order.py, and not with the groups that have the most tests.
BESIDE_OTHERS = (
    *("-n", "6", "--dist", "loadgroup", "--no-loadscope-reorder"),
    *("--durations=25", "--cache-clear"),
)
ALONE = ("-n", "0")


def main() -> int:
    code = _pytest(*BESIDE_OTHERS)
    if code != SOME_FAILED:
        return code
    failed = failed_tests(FAILED.read_text())
    if not deserve_second_look(failed):
        return code
    sys.stdout.write(f"\n== once more, alone: {' '.join(failed)}\n")
    sys.stdout.flush()
    code = _pytest(*ALONE, *failed)
    if code == 0:
        heading = "== UNSTEADY: failed beside others (see above) and passed alone; mend:"
        sys.stdout.write("\n".join([heading, *failed, ""]))
    return code


def failed_tests(cache: str) -> list[str]:
    return [GROUP.sub("", each) for each in json.loads(cache)]


def deserve_second_look(failed: list[str]) -> bool:
    return 0 < len(failed) <= MOST and not any(each.startswith(PROMISES) for each in failed)


def _pytest(*arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own arguments


if __name__ == "__main__":
    sys.exit(main())
