#!/usr/bin/env bash
# Builds the wheels of a release into dist/, or the folder given: the product (bvbrc-workflows), the
# Python client, for which it generates what reaches every operation out of this tree's OpenAPI
# document (bvbrc-workflows-client), and the command line alone (bvbrc-workflows-cli).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
case "$#${1-}" in 0 | 1[!-]*) ;; *)
  echo "$0 takes one folder at most ($*); --help says what it does" >&2
  exit 2
  ;;
esac
environment dev embedded agents
"$venv/bin/python" -m devstack.release.build "${1:-dist}"
ls "${1:-dist}"/*.whl
