#!/usr/bin/env bash
# Everything in the background: API on port 8000, worker, beat, Flower, celery-exporter, and
# whatever server the settings do not name. Returns when it is healthy. --port N: another port.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded
exporter || echo "celery-exporter cannot be installed here and is left out" >&2
exec .venv/bin/python -m devstack up "$@"
