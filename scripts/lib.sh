# Sourced by the other scripts: from any folder, with nothing but Python at hand.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The first Python that is new enough.
any_python() {
  local each
  for each in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$each" "$@"
      return
    fi
  done
  echo "needs Python 3.11 or newer as python3 (or named by PYTHON)" >&2
  return 1
}

# environment SET…: .venv holds requirements.txt, and requirements-SET.txt for each.
environment() {
  set -- "${@/#/requirements-}"
  any_python devstack/environment.py .venv requirements.txt "${@/%/.txt}"
}

# celery-exporter wants older releases than ours, and gets an environment of its own.
exporter() {
  any_python devstack/environment.py .venv-exporter requirements-exporter.txt
}
