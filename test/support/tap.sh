# SPDX-License-Identifier: Apache-2.0
# How a scenario says what it saw (TAP), to be sourced once $root is known:
#   shown="$dir/out $dir/err"   files whose text explains a failure (names without blanks); none by default
#   report STATUS NAME          one line; after a failure the last lines of $shown as comments
#   skipped NAME WHY           what could not be looked at here
#   report_end                  the plan, and an exit status that tells
# Files named `why` are collected by a test for one line: they are emptied after it.
n=0 bad=0 shown=
report() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        for shown_file in $shown; do
            [ ! -f "$shown_file" ] || tail -n 25 "$shown_file" | cut -c 1-300 | sed 's/^/# /'
        done
        bad=1
    fi
    for shown_file in $shown; do
        case $shown_file in */why) : >"$shown_file" ;; esac
    done
}
skipped() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}
report_end() {
    echo "1..$n"
    exit $bad
}
