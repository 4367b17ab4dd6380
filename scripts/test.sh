#!/usr/bin/env bash
# Every check and every test; with arguments, pytest alone with these. Needs python3 alone, and
# for the browser's tests chromium, which is installed where that is allowed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment dev embedded
export PATH="$PWD/.venv/bin:$PATH"

if [ "$#" -gt 0 ]; then exec python -m pytest "$@"; fi

if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing chromium (once)" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
    >var/chromium.log 2>&1 </dev/null || echo "chromium cannot be installed: see var/chromium.log" >&2
fi

failed=""
check() {
  echo "== $*"
  "$@" || failed="$failed $1"
}
check ruff format --check --quiet
check ruff check --quiet
check mypy --no-error-summary
check lint-imports --no-logo
check python -m pytest -q -n 2 --dist loadgroup
if [ -n "$failed" ]; then
  echo "failed:$failed" >&2
  exit 1
fi
