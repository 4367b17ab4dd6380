#!/usr/bin/env bash
# Stops exactly the processes that the other scripts started.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exec .venv/bin/python -m devstack down
