# Sourced by the other scripts: from any folder, with nothing but Python at hand.

# --help prints the comment at the top of the script, before anything is installed.
case "${1-}" in -h | --help)
  awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"
  exit 0
  ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Which environment: another one for another Python.
venv="${VENV:-.venv}"
# Without it bash goes on after a Ctrl-C that comes as a program ends by itself.
trap 'exit 130' INT
# Where it is set, as in many images, each process compiles the whole product again: a second each.
unset PYTHONDONTWRITEBYTECODE

# "${held[@]}" python -S -c "$run" MODULE WORD…: runs a module. Ctrl-C while Python starts ends it
# without the traceback that it prints where it is interrupted before its first line, or as it loads
# its site packages: env holds the signal back until then, where it can (GNU's, since 2019).
held=()
if env --block-signal=INT true 2>/dev/null; then held=(env --block-signal=INT); fi
run='import _signal as signal  # built in: nothing is loaded before Ctrl-C is safe
if signal.getsignal(signal.SIGINT) != signal.SIG_IGN: signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
import runpy, site, sys
site.main()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)'

no_arguments() {
  if [ "$#" -gt 0 ]; then
    echo "$0 takes no arguments ($*); --help says what it does" >&2
    exit 2
  fi
}

# The first Python of a tested version.
any_python() {
  local each
  for each in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
      "${held[@]}" "$each" "$@"
      return
    fi
  done
  echo "needs Python 3.11, 3.12, 3.13 or 3.14 as python3, python3.N, or named by PYTHON" >&2
  return 1
}

# environment SET…: $venv holds requirements.txt, and requirements-SET.txt for each.
environment() {
  set -- "${@/#/requirements-}"
  any_python -S -c "$run" devstack.environment "$venv" requirements.txt "${@/%/.txt}"
}

# celery-exporter wants older releases than ours, and gets an environment of its own.
exporter() {
  any_python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' ||
    { echo "celery-exporter has no release for Python 3.13 or later" >&2; return 1; }
  any_python -S -c "$run" devstack.environment "${venv}-exporter" requirements-exporter.txt
}

# Clients and validators of the standards that we keep; Toil wants other releases than ours.
standards() {
  any_python -S -c "$run" devstack.environment "${venv}-standards" requirements-standards.txt
}
