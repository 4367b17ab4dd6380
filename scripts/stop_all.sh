#!/usr/bin/env bash
# Stops exactly the processes that the other scripts started, those that start too, and waits for
# their end. Takes no arguments.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_arguments "$@"
any_python -S -c "$run" devstack.stopping
