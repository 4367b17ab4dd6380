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

# Each in a process group of its own, so that Ctrl-C ends them all.
set -m
declare -A running=()
trap 'for each in "${running[@]}"; do kill -- "-$each" 2>/dev/null || true; done' EXIT
trap 'exit 143' TERM

test_on() {
  export PYTHON="${found[$1]}" VENV="var/venv-3.$1"
  ./scripts/demo.sh >"var/demo-3.$1.log" 2>&1 || {
    cat "var/demo-3.$1.log"
    return 1
  }
  ./scripts/test.sh -q -n 0 tests/model tests/spec tests/rules tests/config tests/observability
}

for minor in "${!found[@]}"; do
  test_on "$minor" >"var/python-3.$minor.log" 2>&1 </dev/null &
  running[$minor]=$!
done

failed=""
for minor in "${!running[@]}"; do
  wait "${running[$minor]}" || failed="$failed 3.$minor"
  echo "== Python 3.$minor"
  cat "var/python-3.$minor.log"
done
running=()
[ -z "$failed" ] || { echo "failed on Python$failed" >&2; exit 1; }
