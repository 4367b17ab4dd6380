#!/usr/bin/env bash
# Lists what the wheels in dist/, or in the folder given, bring with them: a CycloneDX SBOM beside
# each, with the versions that requirements*.txt pin, licences and dependencies. scripts/build.sh
# makes the wheels.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
case "$#${1-}" in 0 | 1[!-]*) ;; *)
  echo "$0 takes one folder at most ($*); --help says what it does" >&2
  exit 2
  ;;
esac
environment dev embedded agents
exec "$venv/bin/python" -m devstack.release.sbom "${1:-dist}"
