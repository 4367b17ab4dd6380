#!/usr/bin/env bash
# Renews the references in docs/ that are made from the code: settings, metrics, the workflow document,
# commands, exit codes, the page for agents. A test compares them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_arguments "$@"
environment
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack.references
