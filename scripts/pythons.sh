#!/usr/bin/env bash
# Set-up, demo and the fast tests on every further Python, from 3.11 on, that PATH or pyenv has. Each
# gets an environment of its own under var/. Takes no arguments.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_arguments "$@"

version='import ensurepip, sys; v = sys.version_info; print(v[1]) if (3, 11) <= v < (3, 15) else None'
declare -A found
for each in $(compgen -c python3. | grep -E '^python3\.[0-9]+$' | sort -u) \
  "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do
  minor=$("$each" -c "$version" 2>/dev/null) || continue
  [ -z "$minor" ] || found[$minor]=$each
done
# That of the environment itself is tested already, where there is one.
if [ -x "$venv/bin/python" ]; then
  minor=$("$venv/bin/python" -c "$version")
  unset "found[$minor]"
fi

failed=""
for minor in "${!found[@]}"; do
  echo "== Python 3.$minor"
  export PYTHON="${found[$minor]}" VENV="var/venv-3.$minor"
  ./scripts/demo.sh >"var/demo-3.$minor.log" 2>&1 || {
    cat "var/demo-3.$minor.log"
    failed="$failed 3.$minor"
    continue
  }
  ./scripts/test.sh -q -n 2 tests/model tests/spec tests/rules tests/config tests/observability ||
    failed="$failed 3.$minor"
done
[ -z "$failed" ] || { echo "failed on Python$failed" >&2; exit 1; }
