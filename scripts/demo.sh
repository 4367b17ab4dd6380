#!/usr/bin/env bash
# One workflow before your eyes, on real servers and a simulated BV-BRC. --keep leaves it running.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exec .venv/bin/python -m devstack demo "$@"
