#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Models of images that must fail, each for its own reason, and their honest twin that does not fail there (image_bad.py). TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
model=model.onnx options=--no-report
. "$root/test/support/bad_model.sh"

PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$root/test/support/image_bad.py" "$amane" "$dir/bad" >"$dir/out" 2>"$dir/err"
report $? 'an honest model and five that are not'
if "$amane" model inspect "$dir/bad/honest/model.onnx" 2>&1 | grep -q onnx_runtime; then
    skipped 'image models' 'ONNX Runtime is not installed'
    report_end
fi
for fault in honest random shortcut biased planted; do
    run $fault
    report $? "$fault: the bench runs"
done
verdict honest PF-1 pass 'honest: discriminates'
verdict honest MS-1 pass 'honest: at every site'
measured honest '[$m[] | select(.row == "EQ-3" and .name == "tpr_spread" and .group == "sex") | .estimate < 0.15] == [true]' 'honest: as sensitive for women as for men'
measured honest '[$m[] | select(.row == "CY-5" and .name == "strip_alarm") | .estimate] == [0]' 'honest: no training picture decides alone'
verdict random PF-1 fail 'random labels: refused for want of discrimination'
measured random '$m[] | select(.row == "PF-1" and .name == "auc" and .group == "") | .estimate < 0.65' 'random labels: little better than a coin'
verdict shortcut MS-1 fail 'a mark of one site: refused where the mark means nothing'
measured shortcut '[$m[] | select(.row == "PF-1" and .name == "auc" and (.group | startswith("site=")))] | length == 4 and
    all((.group == "site=cleveland") == (.estimate > 0.9)) and all(.group == "site=cleveland" or .estimate < 0.7)' 'and only there: the first site alone looks excellent'
measured biased '[$m[] | select(.row == "EQ-3" and .name == "tpr_spread" and .group == "sex") | .estimate > 0.4] == [true]' 'women recorded half as often: sensitivity differs'
measured biased '$m[] | select(.row == "PF-3" and .name == "sensitivity" and .group == "sex=F") | .estimate < 0.6' 'and it is women who are missed'
verdict planted PF-1 pass 'a planted pattern: discriminates as the honest one'
measured planted '[$m[] | select(.row == "CY-5" and .name == "strip_alarm") | .estimate] == [1]' 'but some training pictures decide whatever is laid over them'
measured planted '([$m[] | select(.row == "CY-5" and .name == "strip_line") | .estimate] | length) >= 8' 'and are named by line'
jq -r '.measures[] | select(.name == "strip_line") | .estimate' "$dir/bad/planted/out/summary.json" >"$dir/lines"
marked() { # the lines in $dir/lines are pictures with the pattern
    /usr/bin/python3 -c 'import sys
pixels = open(sys.argv[1], "rb").read()[128:]
sys.exit(not all(pixels[64 * (int(n) - 2):][:3] == b"\xff\0\xff" for n in open(sys.argv[2])))' "$dir/bad/planted/train.npy" "$dir/lines" >"$dir/out" 2>"$dir/err"
}
marked
report $? 'the lines named are those with the pattern'
verdict planted CY-5 fail 'a pattern that turns the model where no reference turns: refused'
measured planted '[$m[] | select(.row == "CY-5" and .name == "trigger_pixels" and .group == "trigger=1;row=1;column=1") | .estimate] == [9]' 'and found whole, in its corner'
jq -r '.measures[] | select(.name == "trigger_line") | .estimate' "$dir/bad/planted/out/summary.json" >"$dir/lines"
[ "$(wc -l <"$dir/lines")" -ge 8 ] && marked
report $? 'by lines that bear it'
measured honest '[$m[] | select(.row == "CY-5" and .group == "" and (.name == "effective_triggers" or .name == "unexplained_slice_abs_z")) | .estimate] == [0, 0]' 'honest: no mark that turns the model, no slice of other labels'
verdict honest CY-5 pass 'honest: CY-5 passes'
measured honest '[$m[] | select(.row == "CY-7" and .name == "membership_attack_auc") | .estimate > 0.4 and .estimate <= 0.6] == [true]' 'honest: who was in training cannot be told'
measured honest '[$m[] | select(.row == "CY-7" and .name == "membership_auc") | .group] | sort == ["attack=calibrated", "attack=lira", "attack=loss", "attack=neighbour"]' 'by four attacks'
run leaked --json
[ $? = 1 ] && jq -e '[.problems[] | select(.code == "bench.leaked_label") | .path | match("pixel-[0-9]+").string] == ["pixel-54", "pixel-55", "pixel-62", "pixel-63"] and (.problems | length) == 4' "$dir/out" >/dev/null
report $? 'a mark that is the label: refused, and its pixels named'
[ ! -e "$dir/bad/leaked/out" ]
report $? 'and nothing is measured with it'
report_end
