#!/usr/bin/env bash
# Makes the requirements*.txt of the requirements*.in: every version pinned, every file hashed.
# Versions stay as they are where the .in files allow it; "scripts/lock.sh --upgrade" renews them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
uv=$(command -v uv || command -v "$venv/bin/uv") || { echo "no uv found: run ./scripts/test.sh once, it brings one" >&2; exit 1; }
for name in requirements-installer requirements requirements-dev requirements-guide requirements-embedded requirements-agents requirements-exporter requirements-standards; do
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --no-strip-extras \
    --custom-compile-command "scripts/lock.sh" "$@" "$name.in" --output-file "$name.txt"
done
