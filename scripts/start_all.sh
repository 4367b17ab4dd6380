#!/usr/bin/env bash
# Everything in the background: API on port 8000, worker, beat, Flower, celery-exporter, the MCP server
# for agents, and whatever server the settings do not name. Returns when it is healthy, and prints the
# addresses.
# --port N: another port for the API; --flower-port N, --exporter-port N, --mcp-port N: for these.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment embedded agents guide
exporter || { [ "$?" != 130 ] || exit 130; echo "celery-exporter cannot be installed here and is left out" >&2; }
"${held[@]}" "$venv/bin/python" -S -c "$run" devstack.guide || echo "the guide is left out" >&2
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack up "$@"
