#!/usr/bin/env bash
# Worker and beat, in this terminal, until Ctrl-C.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack executor "$@"
