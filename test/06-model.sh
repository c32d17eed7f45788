#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# amane model, as a user meets it: inspect, predict, fit, refusals, exit codes. TAP. AMANE = the program,
# AMANE_SHARED = real data beside the checkout (reference models; skipped loudly without).
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
truth=${AMANE_SHARED:-$root/../shared}/data/bench_truth
if [ -z "${AMANE_ORT:-}" ] && [ -f "$root/.deps/onnxruntime/libonnxruntime.so.1" ]; then
    export AMANE_ORT="$root/.deps/onnxruntime/libonnxruntime.so.1"
fi
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
model() { "$amane" model "$@" >"$dir/out" 2>"$dir/err"; }
# exits CODE NAME ARGS...: the exit code
exits() {
    want=$1 name=$2
    shift 2
    model "$@"
    code=$?
    [ "$code" = "$want" ] || echo "exit $code, wanted $want" >>"$dir/err"
    [ "$code" = "$want" ]
    report $? "$name"
}
# says WORDS NAME: on stderr of the last command
says() { grep -qF -e "$1" "$dir/err"; report $? "$2"; }
# key FILTER WANTED NAME: jq on the last output
key() { [ "$(jq -r "$1" "$dir/out" 2>>"$dir/err")" = "$2" ]; report $? "$3"; }

# ---- a table made here: y depends on a and b; c is noise
awk 'BEGIN { srand(7); print "id,y,a,b,c"; for (i = 0; i < 400; i++) { a = rand() * 4; b = int(rand() * 3); c = rand();
    p = 1 / (1 + exp(-(a - 2 - 0.7 * b))); printf "%d,%d,%.6f,%d,%.6f\n", i, rand() < p, a, b, c } }' >"$dir/t.csv"

exits 0 "fit: writes a model and a report" fit --kind logistic --csv "$dir/t.csv" --label y --features a,b,c --ridge 1 \
    --out "$dir/m.json" --report "$dir/r.json"
[ "$(jq -c '[.n, .converged, [.coefficients[].name]]' "$dir/r.json")" = '[400,true,["(intercept)","a","b","c"]]' ]
report $? "fit: the report names the coefficients"
exits 0 "inspect: reads the fitted model" inspect "$dir/m.json" --json
key .model_type logistic_regression "inspect: says the type"
key '[.inputs[].name] | join(",")' a,b,c "inspect: names the inputs"
key .hyperparameters.regularization_strength 1 "inspect: finds the ridge"
key .file_sha256 "$(sha256sum "$dir/m.json" | cut -d' ' -f1)" "inspect: the digest is sha256sum's"
hash=$(jq -r .canonical_weight_hash "$dir/out")

jq . "$dir/m.json" >"$dir/pretty.json"
model inspect "$dir/pretty.json" --json
key .canonical_weight_hash "$hash" "the canonical hash survives reformatting"
jq '.learner.gradient_booster.model.weights[0] += 1e-6' "$dir/m.json" >"$dir/other.json"
model inspect "$dir/other.json" --json
[ "$(jq -r .canonical_weight_hash "$dir/out")" != "$hash" ]
report $? "the canonical hash sees a changed weight"

exits 0 "predict: writes scores" predict "$dir/m.json" --csv "$dir/t.csv" --out "$dir/s.csv"
[ "$(head -n 1 "$dir/s.csv")" = row,score ] && [ "$(wc -l <"$dir/s.csv")" = 401 ] && [ "$(tail -n 1 "$dir/s.csv" | cut -d, -f1)" = 399 ]
report $? "predict: one line per row, counted from 0"
# columns in another order, and one more: the same scores
awk -F, 'NR == 1 { print "c,z,b,a"; next } { print $5 ",1," $4 "," $3 }' "$dir/t.csv" >"$dir/mixed.csv"
model predict "$dir/m.json" --csv "$dir/mixed.csv" --out "$dir/s2.csv" && cmp -s "$dir/s.csv" "$dir/s2.csv"
report $? "predict: columns are found by name"
printf 'a,b,c\n,1,0.5\nNA,1,0.5\nNaN,1,0.5\n?,1,0.5\n0,1,0.5\n' >"$dir/gaps.csv"
model predict "$dir/m.json" --csv "$dir/gaps.csv" --out - && [ "$(cut -d, -f2 "$dir/out" | tail -n 5 | sort -u | wc -l)" = 1 ]
report $? "predict: empty, NA, NaN and ? are missing, which a linear model skips"
printf 'a,b,c\n1,x,0.5\n1,2,0.5\nz,2,0.5\n' >"$dir/bad.csv"
exits 1 "predict: a cell that is no number is refused" predict "$dir/m.json" --csv "$dir/bad.csv" --out "$dir/no.csv"
says '2:#2' "predict: ... by its place"
says '4:#1' "predict: ... all of them"
[ ! -e "$dir/no.csv" ]
report $? "predict: ... and nothing is written"
printf 'a,c\n1,2\n' >"$dir/few.csv"
exits 1 "predict: a missing column is refused" predict "$dir/m.json" --csv "$dir/few.csv" --out "$dir/no.csv"
says '"b"' "predict: ... by its name"

exits 1 "fit: a missing label column is refused" fit --kind logistic --csv "$dir/t.csv" --label nope --out "$dir/x.json"
printf 'y,a\n0,1\n1,\n0,2\n1,3\n' >"$dir/gap.csv"
exits 1 "fit: a missing value is refused" fit --kind logistic --csv "$dir/gap.csv" --label y --out "$dir/x.json"
printf 'y,a\n0,1\n0,2\n1,3\n1,4\n' >"$dir/split.csv"
exits 1 "fit: separated classes are a negative answer" fit --kind logistic --csv "$dir/split.csv" --label y --out "$dir/x.json"
says model.not_converged "fit: ... said so"

# ---- boosted trees: the same table with gaps, two rows a patient
awk -F, -v OFS=, 'NR == 1 { print "patient,y,a,b,c"; next } { if (NR % 9 == 0) $4 = ""; print "p" int(NR / 2), $2, $3, $4, $5 }' "$dir/t.csv" >"$dir/g.csv"
exits 0 "gbt: fits a table with missing values" fit --kind gbt --csv "$dir/g.csv" --label y --patient patient --rounds 30 --depth 3 \
    --eta 0.2 --subsample 0.8 --seed 5 --folds 4 --threads 1 --out "$dir/g.json" --report "$dir/gr.json"
[ "$(jq -c '[.n, .options.seed, (.rounds | length), .cross_validation.by_patient, (.cross_validation.folds | length)]' "$dir/gr.json")" = '[400,"5",30,true,4]' ]
report $? "gbt: the report tells the options, the rounds and the folds"
jq -e '.importance[0].name == "a" and .cross_validation.auc > 0.6 and .rounds[29].train_logloss < .rounds[0].train_logloss' "$dir/gr.json" >/dev/null
report $? "gbt: ... and what was learned"
exits 0 "gbt: again, on four threads" fit --kind gbt --csv "$dir/g.csv" --label y --features a,b,c --rounds 30 --depth 3 \
    --eta 0.2 --subsample 0.8 --seed 5 --threads 4 --out "$dir/g4.json"
cmp -s "$dir/g.json" "$dir/g4.json"
report $? "gbt: the same bytes"
exits 0 "gbt: inspect reads it" inspect "$dir/g.json" --json
key '.hyperparameters | [.number_of_epochs, .max_depth, .learning_rate, .random_seed] | join(",")' 30,3,0.2,5 "gbt: inspect finds the hyperparameters"
exits 0 "gbt: predict scores rows with gaps" predict "$dir/g.json" --csv "$dir/gaps.csv" --out "$dir/gs.csv"
exits 2 "gbt: a flag of the other kind is a usage error" fit --kind gbt --csv "$dir/g.csv" --label y --ridge 1 --out "$dir/x.json"
says --ridge "gbt: ... by its name"
exits 2 "gbt: a wrong number is a usage error" fit --kind gbt --csv "$dir/g.csv" --label y --rounds 2.5 --out "$dir/x.json"
says "1..10000" "gbt: ... with what is wanted"
exits 1 "gbt: too many folds for the patients are refused" fit --kind gbt --csv "$dir/split.csv" --label y --folds 3 --out "$dir/no.json"
says model.folds "gbt: ... said so"
[ ! -e "$dir/no.json" ]
report $? "gbt: ... and nothing is written"

head -c 300 "$dir/m.json" >"$dir/cut.json"
exits 1 "inspect: a cut file is refused" inspect "$dir/cut.json"
printf 'GIF89a' >"$dir/gif"
exits 1 "inspect: another format is refused" inspect "$dir/gif"
says model.format "inspect: ... said so"
jq '.learner.objective.name = "multi:softprob"' "$dir/m.json" >"$dir/multi.json"
exits 1 "inspect: an unsupported objective is refused" inspect "$dir/multi.json"
says /learner/objective/name "inspect: ... by its pointer"
exits 2 "no verb is a usage error"
exits 2 "predict without --out is a usage error" predict "$dir/m.json" --csv "$dir/t.csv"
exits 2 "fit of an unknown kind is a usage error" fit --kind forest --csv "$dir/t.csv" --label y --out "$dir/x"
exits 0 "-h explains" -h
awk '/^```/{if (code++) exit; next} code' "$root/doc/man/amane-model.1.md" | cmp -s - "$dir/out"
report $? "-h is the synopsis of the manual"

# ---- reference models
close() { # close CSV COLUMN TOLERANCE: $dir/s.csv against a column of CSV
    awk -F, -v col="$2" -v tol="$3" 'NR == FNR { if (FNR == 1) for (i = 1; i <= NF; i++) { if ($i == col) c = i } else want[FNR] = $c; next }
        FNR > 1 { d = $2 - want[FNR]; if (d < 0) d = -d; if (!(d <= tol)) bad = 1; k++ } END { exit bad || !k }' "$1" "$dir/s.csv"
}
if [ -d "$truth" ]; then
    for form in json ubj; do
        exits 0 "predict: reference XGBoost $form" predict "$truth/model_pima_xgb.$form" --csv "$truth/model_pima_xgb_expected.csv" --out "$dir/s.csv"
        close "$truth/model_pima_xgb_expected.csv" pred 1e-6
        report $? "reference XGBoost $form: predictions to 1e-6"
    done
    if model predict "$truth/model_pima_mlp.onnx" --csv "$truth/model_pima_mlp_expected.csv" --out "$dir/s.csv"; then
        close "$truth/model_pima_mlp_expected.csv" pred 1e-6
        report $? "reference ONNX: predictions to 1e-6"
    elif grep -q model.onnx_runtime "$dir/err"; then
        skipped "reference ONNX" "ONNX Runtime is not installed"
    else
        report 1 "reference ONNX: predictions"
    fi
else
    skipped "reference models" "no shared data"
fi
# ---- the declared columns (examples/icu-features.txt), on two stays made here: one known in part, one not at all
mkdir -p "$dir/mini/set-a" "$dir/mini/set-b"
{
    printf 'Time,Parameter,Value\n00:00,RecordID,1\n00:00,Age,72\n00:00,Gender,1\n00:00,Height,170\n00:00,ICUType,3\n00:00,Weight,-1\n'
    printf '00:10,HR,150\n00:10,SysABP,90\n01:00,Urine,300\n30:00,HR,60\n30:00,Urine,500\n31:00,GCS,7\n31:00,NISysABP,110\n44:00,HR,500\n'
} >"$dir/mini/set-a/1.txt"
printf 'Time,Parameter,Value\n00:00,RecordID,2\n00:00,Age,50\n00:00,Gender,0\n00:00,Height,-1\n00:00,ICUType,1\n' >"$dir/mini/set-b/2.txt"
for set in a b; do
    [ $set = a ] && line=1,9,9,5,-1,0,3 || line=2,9,9,5,3,1,1
    printf 'RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death,ICUType\n%s\n' "$line" >"$dir/mini/outcomes-$set.csv"
    tar -C "$dir/mini" -czf "$dir/mini/set-$set.tar.gz" "set-$set"
done
"$root/test/support/icu_features.sh" "$dir/mini" >"$dir/mini.csv" 2>"$dir/err"
cell() { awk -F, -v row="$1" -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR == row + 1 { print c ? $c : "no column" }' "$dir/mini.csv"; }
while read -r stay column want; do
    got=$(cell "$stay" "$column")
    [ "$got" = "$want" ] || echo "stay $stay, $column: \"$got\", not \"$want\""
done <<EOF >"$dir/out"
1 set a
1 HR_count 2
1 HR_max 150
1 HR_last 60
1 HR_min_last12
1 SBP_mean 100
1 Weight_count 0
1 Urine_sum 800
1 Urine_sum_last24 500
1 ShockIndex_last 0.666667
1 GCS_full 0
1 kinds 5
1 Urine_sum_first24 300
1 saps2_all 48
1 saps2_first24 35
1 saps2_last24 34
1 saps2_last 34
1 sofa_last 3
1 age_by_GCS 10.2857
1 death 0
2 set b
2 HR_last
2 HR_count 0
2 height
2 saps2_all 7
2 urine_by_kg
2 death 1
EOF
[ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/mini.csv")" = 3 ]
report $? "icu: the declared columns are what they say"
# ---- ICU stays (PhysioNet/CinC 2012): five folds, seed 0 (the mean of seeds 0 to 4 is 0.8608; other folds, beside libxgboost: bench/model_gbt.c)
icu=${AMANE_SHARED:-$root/../shared}/data/icu-challenge2012
if [ -d "$icu" ]; then
    "$root/test/support/icu_features.sh" "$icu" | cut -d, -f3- >"$dir/icu.csv"
    exits 0 "icu: trees are fitted on 5,248 stays" fit --kind gbt --csv "$dir/icu.csv" --label death --rounds 600 --depth 6 --eta 0.02 \
        --subsample 0.6 --colsample 0.08 --min-child 5 --lambda 10 --bins 64 --folds 5 --out "$dir/icu.json" --report "$dir/icu-report.json"
    jq -e '.n == 5248 and .n_pos == 758 and .cross_validation.auc >= 0.86' "$dir/icu-report.json" >"$dir/out"
    report $? "icu: cross-validated AUC of 0.86"
else
    skipped "icu: trees" "no shared data"
fi
report_end
