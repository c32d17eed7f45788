#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# amane stat binary, as a user meets it: the figures, the refusals, the exit codes. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
stat() { "$amane" stat binary --csv "$dir/t.csv" --label y --score s "$@" >"$dir/out" 2>"$dir/err"; }
# is FILTER WANTED NAME: jq -c FILTER on the last output
is() {
    got=$(jq -c "$1" "$dir/out" 2>&1)
    [ "$got" = "$2" ] || printf 'got %s, wanted %s\n' "$got" "$2" >>"$dir/err"
    [ "$got" = "$2" ]
    report $? "$3"
}
# near FILTER NUMBER NAME: within 1e-12
near() {
    [ "$(jq "(($1) - $2) | fabs < 1e-12" "$dir/out" 2>>"$dir/err")" = true ]
    report $? "$3"
}
# refuses CODE WORDS NAME: exit code and words on stderr, nothing on stdout
refuses() {
    stat --json
    code=$?
    [ "$code" = "$1" ] && grep -qF "$2" "$dir/err" && [ ! -s "$dir/out" ]
    report $? "$3"
}

# positives .2 .6 .6 .9, negatives .1 .2 .6 .3, and two rows to reject; AUC = (1.5 + 3.5 + 3.5 + 4)/16
printf 'id,y,s,g\r\n1,1,0.2,a\r\n2,1,0.6,a\r\n3,1,0.6,"b ""x"", c"\r\n4,1,0.9,a\r\n5,0,0.1,a\r\n6,0,0.2,a\r\n7,0,0.6,"b ""x"", c"\r\n8,0,0.3,a\r\n9,,0.3,a\r\n10,1,NaN,lost\r\n11,0,,a\r\n' >"$dir/t.csv"
stat --json --group g
report $? 'a small table is measured'
is '[.n, .n_pos, .tp, .fp, .tn, .fn]' '[8,4,3,1,3,1]' 'counts at the default threshold'
is '.threshold' '0.5' 'the default threshold is 0.5 and said so'
near .auc 0.78125 'AUC by hand, ties one half'
near .brier 0.18375 'Brier by hand'
near '.sensitivity.wilson95[0]' 0.3006418425824019 'Wilson lower end of 3/4'
near '.sensitivity.clopper_pearson95[1]' 0.9936905367902901 'Clopper-Pearson upper end of 3/4'
is '[.rejected, .rejected_reasons.label_missing, .rejected_reasons.score_missing, .rejected_reasons.score_nan]' '[3,1,1,1]' 'rejected rows are counted by reason'
is '.groups.g | keys' '["a","b \"x\", c","lost"]' 'groups by value, quotes undone'
is '.groups.g["b \"x\", c"] | [.n, .auc, .auc_var, .auc_ci95, .auc_ci_gate_method]' '[2,0.5,null,null,"wilson-neff"]' 'one positive: no variance, a Wilson gate interval'
is '.groups.g.lost | [.n, .auc, .brier, .sensitivity.value, .auc_ci_gate]' '[0,null,null,null,null]' 'a group without rows has nulls, not zeros'
is '[.groups.g[] | keys_unsorted] | unique | length' 1 'every group has the same keys'
grep -q 'rejected: score_nan' "$dir/err"
report $? 'the talk is on stderr'

stat --json --threshold=0.6
is '[.threshold, .tp, .fp]' '[0.6,3,1]' 'a score equal to the threshold is positive'
stat --threshold 0.3 && grep -q '^all rows, threshold 0.3,' "$dir/out"
report $? 'a table for people without --json'
stat --json && cp "$dir/out" "$dir/first" && { head -n 1 "$dir/t.csv" && tail -n +2 "$dir/t.csv" | sort -r; } >"$dir/sorted" &&
    mv "$dir/sorted" "$dir/t.csv" && stat --json && cmp -s "$dir/first" "$dir/out"
report $? 'the order of rows changes no byte'

printf 'y,s\n1,2.5\n0,-1\n1,3\n0,0.5\n' >"$dir/t.csv"
stat --json
is '[.brier, .auc, .auc_ci95, .auc_ci95_logit, .auc_ci_gate[1], .auc_ci_gate_method]' '[null,1,null,null,1,"wilson-neff"]' 'scores that are no probabilities: no Brier; AUC 1: no DeLong interval'
near '.auc_ci_gate[0]' 0.3423802275066531 'n_eff/(n_eff + z^2) at AUC 1'
printf 'y,s\n1,0.5\n1,0.4\n' >"$dir/t.csv"
stat --json
is '[.n_pos, .auc, .specificity.value, .npv.value]' '[2,null,null,0]' 'one class: null where the denominator is empty'
printf 'y,s\n' >"$dir/t.csv"
stat --json
is '[.n, .auc, .brier, .ppv.wilson95]' '[0,null,null,null]' 'no rows'

printf 'y,s\n1,0.5\n2,0.5\n' >"$dir/t.csv"
refuses 1 '3:#1: A label is 0 or 1. [stat.label]' 'a label of 2 is refused at its place'
printf 'y,s\n1,0.5\n0,high\n' >"$dir/t.csv"
refuses 1 'column s: not a finite decimal number) [csv.number]' 'a score in words is refused at its place'
printf 'y,s\n1,0.5\n0,inf\n' >"$dir/t.csv"
refuses 1 '3:#2' 'an infinite score is refused'
printf 'y,s\n1,0.5\n0\n' >"$dir/t.csv"
refuses 1 '(1 fields, the header has 2). [csv.ragged]' 'a ragged record'
printf 'y,s\n1,"0.5\n' >"$dir/t.csv"
refuses 1 '[csv.unterminated]' 'an open quote'
printf 'y,s\n1,\377\n' >"$dir/t.csv"
refuses 1 '[csv.utf8]' 'bytes that are not UTF-8'
printf 'y,s\n1,\000\n' >"$dir/t.csv"
refuses 1 '[csv.nul]' 'a NUL byte'
printf 'y,x\n1,0\n' >"$dir/t.csv"
refuses 1 'no column is called "s"' 'a column that is not there'
: >"$dir/t.csv"
refuses 1 '[csv.empty]' 'an empty file'
awk 'BEGIN {print "y,s,g"; for (i = 0; i < 1001; i++) print i % 2 ",0.5,p" i}' >"$dir/t.csv"
stat --group g >/dev/null 2>&1
[ $? = 1 ] && grep -q 'more than 1000 values' "$dir/err"
report $? 'an identifier is not a group'
rm "$dir/t.csv"
refuses 1 'not found' 'a file that is not there'

"$amane" stat -h >"$dir/out" 2>"$dir/err" && grep -q '^usage: amane stat binary' "$dir/out"
report $? '-h prints the usage on stdout'
for wrong in '' 'binary' 'binary --csv x --label y' 'ternary --csv x --label y --score s' \
    'binary --csv x --label y --score s --threshold ten' 'binary --csv x --label y --score s --group g --group g' \
    'binary --csv x --label y --score s --colour'; do
    # shellcheck disable=SC2086 # words are meant
    "$amane" stat $wrong >"$dir/out" 2>"$dir/err"
    [ $? = 2 ] && [ ! -s "$dir/out" ] && grep -q '^usage:' "$dir/err"
    report $? "usage error: stat $wrong"
done
report_end
