# SPDX-License-Identifier: Apache-2.0
# What the scenarios of models that must fail share, to be sourced after tap.sh: $amane, $dir with a case a fault in
# $dir/bad, $model its file, $options of every run. known_bad.py and image_bad.py make the cases.
run() { # run FAULT ARGS...
    case_=$dir/bad/$1
    shift
    # shellcheck disable=SC2086 # $options: none, or words
    "$amane" bench run --record "$case_/version.json" --model "$case_/$model" --data "$case_/manifest.json" --out "$case_/out" \
        --level intermediate $options "$@" >"$dir/out" 2>"$dir/err"
}
# verdict FAULT ROW WANTED NAME
verdict() {
    got=$(jq -r --arg id "$2" '.requirements[] | select(.id == $id and .level == "intermediate") | .verdict' "$dir/bad/$1/out/summary.json")
    [ "$got" = "$3" ] || echo "$1 $2: $got, wanted $3" >>"$dir/err"
    [ "$got" = "$3" ]
    report $? "$4"
}
measured() { # measured FAULT FILTER NAME, $m of the measures
    jq -e '.measures as $m | '"$2" "$dir/bad/$1/out/summary.json" >"$dir/out" 2>"$dir/err"
    report $? "$3"
}
