# Sourced by the other scripts: from any folder, with nothing but Python at hand.

# environment SET…: goes to the project's root and makes .venv hold what is wanted there.
environment() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  local python
  for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$python" devstack/environment.py "$@"
      return
    fi
  done
  echo "needs Python 3.11 or newer as python3 (or named by PYTHON)" >&2
  exit 1
}
