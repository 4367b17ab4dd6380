#!/usr/bin/env bash
# The API alone, in this terminal, until Ctrl-C. --port N: another port than 8000.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack api "$@"
