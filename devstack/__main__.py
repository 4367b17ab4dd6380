"""``python -m devstack COMMAND``: the commands behind the scripts."""

# Ctrl-C while the modules are loaded ends this process without a traceback: nothing is started yet.
# ruff: noqa: E402
import signal

interruptible = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
if interruptible:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from devstack.commands import run_main

if __name__ == "__main__":
    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run_main()
