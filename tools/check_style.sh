#!/bin/sh
# What the eye would find late: check_style.sh [ROOT]
#   - the licence line is first in every C source;      - a source has at most 1200 lines;
#   - a module has a README of at most 60 lines;        - no TODO, FIXME or XXX, no tab, no trailing space.
cd "${1:-$(dirname "$0")/..}" || exit 3
bad=0
complain() { echo "$*"; bad=1; }
for f in src/*/*.[ch] cmd/*.[ch] bench/*.[ch]; do
    [ -f "$f" ] || continue
    [ "$(head -n 1 "$f")" = '/* SPDX-License-Identifier: Apache-2.0 */' ] || complain "$f:1: licence line missing"
    n=$(wc -l <"$f")
    [ "$n" -le 1200 ] || complain "$f: $n lines: split it"
done
grep -nE '(//|\*|/\*) *(TODO|FIXME|XXX)' src/*/*.[ch] cmd/*.[ch] 2>/dev/null && complain 'a doubt is written NEEDSWORK: with its argument'
grep -nE '[[:space:]]$' src/*/*.[ch] cmd/*.[ch] tools/* 2>/dev/null && complain 'trailing space'
grep -nP '\t' src/*/*.[ch] cmd/*.[ch] 2>/dev/null && complain 'tab in a C source'
for dir in src/*/; do
    ls "$dir"*.c >/dev/null 2>&1 || continue
    if [ -f "$dir/README.md" ]; then
        n=$(wc -l <"$dir/README.md")
        [ "$n" -le 60 ] || complain "${dir}README.md: $n lines, at most 60"
    else
        complain "${dir}README.md is missing"
    fi
done
exit $bad
