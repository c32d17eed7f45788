#!/bin/sh
# The end-to-end scenario: the whole demo on real data (when there) and on made data, its figures
# recomputed by definition in another language, its log verified by Go's sumdb packages.
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
. "$root/test/support/tap.sh"
scenario() { # NAME ARGS...
    name=$1
    shift
    dir=$work/$name
    "$AMANE" demo --data "$dir" "$@" >"$work/$name.out" 2>"$work/$name.err"
    code=$?
    report $code "the demo on $name data goes to its end"
    if [ $code != 0 ]; then
        sed 's/^/# /' "$work/$name.out" "$work/$name.err"
        tail -n 5 "$dir"/*.log | sed 's/^/# /'
        return
    fi
    [ "$(grep -cE '^[0-9]+\. ' "$work/$name.out")" = 9 ]
    report $? "$name: nine steps are told"
    [ -s "$dir/report.html" ] && ! grep -qE 'src=|https?://[a-z]' "$dir/report.html" >/dev/null
    report $? "$name: the report is one file that asks nothing from anywhere"
    /usr/bin/python3 "$root/test/support/demo_figures.py" "$dir" >"$work/$name.fig"
    report $? "$name: $(grep -c '^ok' "$work/$name.fig") figures agree with an independent computation"
    grep '^not ok' "$work/$name.fig" | sed 's/^/# /'
    ! grep -hE '"(clevel|hungar|switze|va|site[1-4])-[0-9]+"' "$dir"/*.log
    report $? "$name: no patient identifier in any server log"
    "$AMANE" log verify "$dir/copy" >/dev/null
    report $? "$name: a copy of the log verifies without pinning"
    "$AMANE" log verify "$dir/copy" --genesis 0000000000000000000000000000000000000000000000000000000000000000 >/dev/null 2>&1
    [ $? = 1 ]
    report $? "$name: another genesis is refused"
    [ -z "$(find "$dir" -name '*.key' -perm /077)" ]
    report $? "$name: private keys are readable by their owner only"
}
if [ -d "$root/../shared/data/heart-disease-4sites" ]; then
    scenario real --real "$root/../shared/data/heart-disease-4sites"
else
    skipped "the demo on real data" "real data are not beside the checkout"
fi
scenario made --made --lang en
report_end
