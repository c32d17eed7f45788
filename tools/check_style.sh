#!/bin/sh
# What the eye would find late: check_style.sh [ROOT]
#   - the licence line is first in every C source;      - a source has at most 1200 lines;
#   - a module has a README of at most 60 lines;        - no TODO, FIXME or XXX, no tab, no trailing space.
cd "${1:-$(dirname "$0")/..}" || exit 3
bad=0
complain() { echo "$*"; bad=1; }
# One process for all files: a `head` and a `wc` a file took minutes on a busy machine.
find src cmd bench -mindepth 1 -maxdepth 2 -name '*.[ch]' 2>/dev/null | LC_ALL=C sort | xargs awk '
    function close_file() { if (n > 1200) { print name ": " n " lines: split it"; bad = 1 } }
    FNR == 1 {
        close_file()
        name = FILENAME
        if ($0 != "/* SPDX-License-Identifier: Apache-2.0 */") { print name ":1: licence line missing"; bad = 1 }
    }
    { n = FNR }
    END { close_file(); exit bad }' || bad=1
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
