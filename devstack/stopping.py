"""``python3 -m devstack.stopping``: stops what runs here. Needs nothing but Python."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)

from devstack import records  # noqa: E402 - Ctrl-C while it is loaded gives no traceback


def main() -> None:
    """Stops it, waits for the end, and prints the names."""
    try:
        stopped = records.stop_all()
    except OSError as problem:
        sys.exit(f"{problem.filename}: {problem.strerror}")
    print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


if __name__ == "__main__":
    main()
