#!/usr/bin/env bash
# The demo from a fresh clone, as newcomers have it: root and nobody without a home, a path with
# blanks and umlauts, LANG=C, a second checkout beside it, ports taken. PYTHON names another Python.
# Prints for each the seconds from the clone to the demo's success. Takes no arguments.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_arguments "$@"

origin=$PWD
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
failed=""

# demo_in NAME COMMAND…: clones into a folder of that name and runs the demo there by the command.
demo_in() {
  local place="$folder/$1" began=$SECONDS
  shift
  git clone --quiet "$origin" "$place"
  [ "$1" != setpriv ] || chown -R nobody "$place"
  if (cd "$place" && "$@") >"$folder/log" 2>&1 && grep -q "Workflow completed successfully" "$folder/log"; then
    echo "$((SECONDS - began)) s: ${place##*/}: $*"
  else
    echo "FAILED: ${place##*/}: $*" >&2
    tail -n 20 "$folder/log" >&2
    failed=1
  fi
}

demo_in plain ./scripts/demo.sh
demo_in "mit Blanks und Ümläuten" ./scripts/demo.sh
demo_in "LANG=C" env -u LC_ALL LANG=C ./scripts/demo.sh
demo_in "LC_ALL=POSIX" env LC_ALL=POSIX ./scripts/demo.sh
if [ "$(id -u)" = 0 ]; then
  demo_in nobody setpriv --reuid=nobody --regid=nogroup --clear-groups \
    env -i HOME=/nonexistent PATH="$PATH" ./scripts/demo.sh
fi

# Two checkouts side by side: the second one finds the ports of the first one taken.
cd "$folder/plain"
./scripts/start_all.sh >"$folder/log" 2>&1
if (cd "$folder/mit Blanks und Ümläuten" && ./scripts/start_all.sh) 2>"$folder/second"; then
  echo "FAILED: a second set-up took the port of the first one" >&2
  failed=1
fi
grep -- "--port N takes another port" "$folder/second" || failed=1
(cd "$folder/mit Blanks und Ümläuten" && ./scripts/start_all.sh --port 8010 && ./scripts/stop_all.sh) || failed=1
./scripts/stop_all.sh
[ -z "$failed" ]
