#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every page of the warehouse by the keyboard alone, on a telephone, with axe, in Arabic, French and English in turn, with and without
# scripts (test/browser/ward.mjs: the pages of web/gallery.json), on a node of its own (test/support/ward.py). TAP.
# AMANE_WARD=whole: each page in each language, with scripts and without; screenshots of all: test/browser/output/ward-*.png.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 "$root/test/support/ward.py" "$work" node "$root/test/browser/ward.mjs"
