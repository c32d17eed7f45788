#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Models that must fail, each for its own reason, and their honest twin that does not fail there (known_bad.py). TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
model=model.json options=
. "$root/test/support/bad_model.sh"

PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$root/test/support/known_bad.py" "$amane" "$dir/bad" >"$dir/out" 2>"$dir/err"
report $? 'an honest model and four that are not'
for fault in honest random shortcut biased; do
    run $fault
    report $? "$fault: the bench runs"
done
verdict honest PF-1 pass 'honest: discriminates'
verdict honest MS-1 pass 'honest: at every site'
measured honest '[$m[] | select(.row == "EQ-3" and .name == "tpr_spread" and .group == "sex") | .estimate < 0.05] == [true]' 'honest: as sensitive for women as for men'
verdict honest EQ-4 pass 'honest: and as specific'
verdict random PF-1 fail 'random labels: refused for want of discrimination'
measured random '$m[] | select(.row == "PF-1" and .name == "auc" and .group == "") | .estimate < 0.55' 'random labels: no better than a coin'
verdict shortcut MS-1 fail 'a mark of one site: refused where the mark means nothing'
measured shortcut '[$m[] | select(.row == "PF-1" and .name == "auc" and (.group | startswith("site=")))] | length == 4 and
    all((.group == "site=cleveland") == (.estimate > 0.9)) and all(.group == "site=cleveland" or .estimate < 0.65)' 'and only there: the first site alone looks excellent'
verdict biased EQ-3 fail 'women recorded half as often: sensitivity differs'
measured biased '[$m[] | select(.row == "EQ-3" and .name == "tpr_spread" and .estimate != null)] | max_by(.estimate) | .group == "sex" and .estimate > 0.5' 'and it is by sex that it differs most'
run leaked --json
[ $? = 1 ] && jq -e '.problems == [.problems[] | select(.code == "bench.leaked_label" and .path == "/manifest/features/exang/decisive")] and (.problems | length) == 1' "$dir/out" >/dev/null
report $? 'an input measured after the outcome: refused, and named'
[ ! -e "$dir/bad/leaked/out" ]
report $? 'and nothing is measured with it'
jq '.features = {"exang": {"decisive": true}}' "$dir/bad/leaked/manifest.json" >"$dir/m" && mv "$dir/m" "$dir/bad/leaked/manifest.json"
run leaked && measured leaked '$m[] | select(.name == "largest_single_input_auc") | .estimate > 0.995' 'declared decisive, it is measured and its weight is in the evidence'
report_end
