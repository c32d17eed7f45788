#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The FHIR interface over sockets, as nobody should use it: Bundles of too many entries, deep JSON and XML, entities, searches that
# ask for everything, clients that never end. TAP. AMANE_SLOW: how many slow clients of each kind.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}"
export PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 "$root/test/support/fhir_faults.py" "$work" "${AMANE_SLOW:-200}"
