#!/usr/bin/env bash
# Prints a token of the simulated BV-BRC that the other scripts started. An argument names its user.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack token "$@"
