#!/usr/bin/env bash
# One workflow before your eyes, on real servers and a simulated BV-BRC; nothing is left afterwards.
# --keep leaves it running and prints the addresses.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack demo "$@"
