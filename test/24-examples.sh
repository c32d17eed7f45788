#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real data through the bench (examples/): each ends at the level it deserves, for the reasons its README gives. TAP.
# AMANE_EXAMPLES=all: all five; else three. Skipped, and said so, where the data are not.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
data=${AMANE_SHARED:-$root/../shared}/data
[ -d "$data" ] || { echo "1..0 # SKIP REAL DATA ABSENT: $data is not there"; exit 0; }
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
# ends NAME AUC LEVEL FILTER WHY: the example runs; AUC to a thousandth, level, and what stands in the way
ends() {
    /usr/bin/python3 "$root/examples/example.py" "$amane" "$data" "$dir" "$1" >"$dir/out" 2>"$dir/err"
    report $? "$1 runs"
    jq -e --argjson auc "$2" '((.auc - $auc) | fabs) < 0.001' "$dir/out" >/dev/null 2>>"$dir/err"
    report $? "$1: area $2, as its README says"
    jq -e --arg level "$3" '.level_of_measured_rows == $level and ('"$4"')' "$dir/out" >/dev/null 2>>"$dir/err"
    report $? "$1: $3, because $5"
}
ends nhanes 0.8645 base '(.blocked.intermediate | join(" ")) | contains("MS-1 fail (distinct_gst)") and contains("EQ-3 fail")' 'one context and age are no more than base'
ends heart 0.8603 none '(.blocked.base | join(" ") | contains("RB-5 fail")) and (.blocked.intermediate | join(" ") | contains("MS-1 fail (each_gst_auc)")) and (.by_site.va < 0.75)' \
    'decisions turn, and one hospital of four is not served'
ends diabetes 0.6418 none '.blocked.base | join(" ") | contains("PF-1 fail (auc)") and contains("PF-2 fail")' 'it does not discriminate'
if [ "${AMANE_EXAMPLES:-}" = all ]; then
    ends icu 0.8464 none '(.blocked.base | join(" ") | contains("RB-5 fail")) and (.blocked.intermediate | join(" ") | contains("PF-1 fail (auc)"))' 'decisions turn, and 0.85 is not reached'
    ends brca 0.6564 none '.blocked.base | join(" ") | contains("DA-1 fail") and contains("PF-1 fail") and contains("EQ-1 fail")' 'there are too few patients'
fi
report_end
