#!/usr/bin/env bash
# Runs a command with the settings of the servers that the other scripts started:
# ./scripts/run.sh flask db status; ./scripts/run.sh celery -A tasks inspect active
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack run "$@"
