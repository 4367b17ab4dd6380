#!/usr/bin/env bash
# Every check and every test, and the fast ones on each further Python; with arguments, pytest alone
# with these. Needs python3 alone; chromium (for the browser's tests), prometheus, faketime (for
# workers with wrong clocks) and npm (for the tools of the Model Context Protocol) are installed where
# that is allowed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
environment dev embedded agents guide
export PATH="$PWD/$venv/bin:$PATH"

if [ "$#" -gt 0 ]; then exec python -m pytest "$@"; fi

for tool in chromium prometheus faketime npm; do
  if ! command -v "$tool" >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $tool (once)" >&2
    # RUNLEVEL: nothing is started as a service.
    { apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$tool"; } \
      >"var/$tool.log" 2>&1 </dev/null || echo "$tool cannot be installed: see var/$tool.log" >&2
  fi
done

# What single tests need comes while the first checks run; a test that is earlier waits for it.
{
  exporter
  standards
  command -v npm >/dev/null && ./scripts/npm_tools.sh
} >var/tools.log 2>&1 </dev/null &

# The further Pythons are tested beside the checks, which take one core; the suite then has both.
./scripts/pythons.sh >var/pythons.log 2>&1 </dev/null &
pythons=$!
trap 'kill "$pythons" 2>/dev/null || true' EXIT
further_pythons() {
  local code=0
  wait "$pythons" || code=$?
  trap - EXIT
  cat var/pythons.log
  return "$code"
}

failed=""
check() {
  echo "== $*"
  "$@" || failed="$failed $1"
}
check ruff format --check --quiet
check ruff check --quiet
check mypy --no-error-summary
check lint-imports --no-logo
check ./scripts/guide.sh
check further_pythons
check python scripts/suite.py
if [ -n "$failed" ]; then
  echo "failed:$failed" >&2
  exit 1
fi
