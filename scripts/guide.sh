#!/usr/bin/env bash
# Builds docs/ as a site with a search, which the API serves under /docs/guide. A link or page that
# leads nowhere ends it. What is built already is left as it is.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_arguments "$@"
environment guide
exec "${held[@]}" "$venv/bin/python" -S -c "$run" devstack.guide
