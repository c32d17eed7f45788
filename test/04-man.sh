#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Manual pages: the sections of each, every option of the synopsis told, mandoc has no complaint, and the examples run, in
# one folder, in the order a person meets them (all but those of the servers: 50-demo and 12-postgres run those). TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
man=$root/doc/man
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin" "$dir/work" && ln -s "$(realpath "${AMANE:-$root/build/amane}")" "$dir/bin/amane" || exit 3
PATH=$dir/bin:$PATH
. "$root/test/support/tap.sh"
shown="$dir/why"
section() { # section PAGE NAME: its lines
    awk -v want="## $2" '/^## /{inside = $0 == want; next} inside' "$1"
}
for page in "$man"/*.md; do
    name=$(basename "$page" .1.md)
    for want in NAME SYNOPSIS DESCRIPTION FILES ENVIRONMENT EXAMPLES 'EXIT STATUS'; do
        [ "$(grep -cx "## $want" "$page")" = 1 ] || echo "$name: not one section $want" >>"$dir/why"
        [ -n "$(section "$page" "$want" | tr -d '[:space:]')" ] || echo "$name: nothing in $want" >>"$dir/why"
    done
    section "$page" SYNOPSIS | grep -o -- '--[a-z0-9-]*' | sort -u | while read -r option; do
        awk '/^## SYNOPSIS/{skip = 1; next} /^## /{skip = 0} !skip' "$page" | grep -qF -- "$option" ||
            echo "$name: $option is told nowhere" >>"$dir/why"
    done
    [ ! -s "$dir/why" ]
    report $? "$name has its sections and tells every option"
    if command -v mandoc >/dev/null; then
        /usr/bin/python3 "$root/tools/man.py" "$page" 0 2026-01-01 >"$dir/page.1" && mandoc -T lint -W warning "$dir/page.1" >"$dir/why" 2>&1
        report $? "mandoc has no complaint about $name"
    else
        skipped "mandoc and $name" "mandoc is not there"
    fi
done
cd "$dir/work" || exit 3
for name in amane amane-conf amane-cohort amane-key amane-model amane-stat amane-sign amane-demo amane-log amane-policy amane-bench amane-tender; do
    section "$man/$name.1.md" EXAMPLES | grep -v '^```' >"$dir/run"
    [ -s "$dir/run" ] && sh -eu "$dir/run" >"$dir/why" 2>&1 </dev/null
    report $? "the examples of $name run"
done
report_end
