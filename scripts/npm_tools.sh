#!/usr/bin/env bash
# Installs the official tools of the Model Context Protocol with npm, for tests/agents: the inspector and
# the conformance suite, on node 22, into var/npm. Takes no arguments; a second run does nothing, and
# waits for the first one where that is still at work.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_arguments "$@"

tools=(node@22 @modelcontextprotocol/inspector@2.12.0 @modelcontextprotocol/conformance@0.1.16)
mkdir -p var/npm
exec 9>var/npm/lock
flock 9
if [ "$(cat var/npm/installed 2>/dev/null)" != "${tools[*]}" ]; then
  rm -f var/npm/installed
  npm install --prefix var/npm --no-audit --no-fund --no-save --silent "${tools[@]}"
  echo "${tools[*]}" >var/npm/installed
fi
