#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Four people enter a patient, his vital signs, a result, a diagnosis and a prescription in real browsers, by the keyboard, with
# and without scripts (test/browser/roles.mjs), on a node of its own (test/support/ward.py). TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 "$root/test/support/ward.py" "$work" node "$root/test/browser/roles.mjs"
