#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The pages of a node's warehouse in a real browser: search, chart, curve, breaking the glass (test/browser/chart.mjs),
# on a node of its own with made patients (test/support/ward.py). TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 "$root/test/support/ward.py" "$work" node "$root/test/browser/chart.mjs"
