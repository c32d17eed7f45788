#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Models that read images: a bench run on real X-rays (made ones where the data are absent), the same images from a
# folder and from an array, scores and AUC recomputed in Python, refusals of hostile images. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
real=${AMANE_SHARED:-$root/../shared}/data/pneumoniamnist/pneumoniamnist.npz
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
run() { # run CASE MANIFEST OUT ARGS...
    case_=$1 manifest=$2 out_=$3
    shift 3
    "$amane" bench run --record "$case_/version.json" --model "$case_/model.onnx" --data "$case_/$manifest" --out "$out_" "$@" >"$dir/out" 2>"$dir/err"
}
measured() { # measured FILTER NAME: any measure of the last good run
    jq -e "any(.measures[]; $1)" "$case_/run/summary.json" >"$dir/out" 2>"$dir/err"
    report $? "$2"
}
refused() { # refused CODE TEXT NAME: the case bad is refused and says why
    run "$dir/bad" manifest.json "$dir/never" --json
    code=$?
    [ "$code" = 1 ] && [ ! -e "$dir/never" ] && jq -e --arg c "$1" --arg t "$2" '.ok == false and any(.problems[]; .code == $c and (.detail | contains($t)))' "$dir/out" >/dev/null 2>>"$dir/err"
    report $? "$3"
}
edit() { # edit FILE FILTER
    rm -rf "$dir/bad"
    cp -r "$dir/made" "$dir/bad"
    jq "$2" "$dir/made/$1" >"$dir/bad/$1"
}

/usr/bin/python3 "$root/test/support/image_make.py" "$amane" "$dir/made" >"$dir/out" 2>"$dir/err"
report $? 'made images: PNG with all kinds of rows, PGM, an array'
if "$amane" model inspect "$dir/made/model.onnx" 2>&1 | grep -q onnx_runtime; then
    skipped 'image models' 'ONNX Runtime is not installed'
    echo "1..$n"
    exit 0
fi
if [ -e "$real" ]; then
    /usr/bin/python3 "$root/test/support/image_make.py" "$amane" "$dir/case" "$real" >"$dir/out" 2>"$dir/err"
    manifest=manifest-array.json what='pneumoniamnist'
else
    skipped 'pneumoniamnist' "REAL DATA ABSENT: $real is not there"
    cp -r "$dir/made" "$dir/case"
    manifest=manifest.json what='made images'
fi
run "$dir/case" "$manifest" "$dir/case/run" --level advanced
report $? "$what: the bench runs"
/usr/bin/python3 "$root/test/support/image_check.py" "$dir/case" "$dir/case/run" "$manifest" "$real" >"$dir/out" 2>"$dir/err"
report $? "$what: $(tail -n 1 "$dir/out")"
measured '.row == "RB-3" and .name == "query_budget" and .estimate == 2500' 'Square attack with the budget of RB-3'
measured '.row == "RB-3" and .name == "success_rate" and .group == "eps=8/255;budget=2500" and .estimate != null' 'success against budget in three balls'
measured '.row == "RB-1" and (.group | startswith("operator=jpeg;severity=5"))' 'mutations of images'
measured '.row == "RB-2" and .name == "ladders" and .estimate == 6' 'six ladders of degradation'
measured '.row == "RB-5" and .name == "flip_rate" and .estimate != null' 'decisions under one grey level'
measured '.row == "DM-1" and .group == "stream=brightness"' 'brightness is watched for drift'
again() { # again VERB PATH ARGS...
    "$amane" bench "$@" --data "$dir/case/$manifest" --json >"$dir/out" 2>"$dir/err"
}
again verify "$dir/case/run/evidence-mutation.json" && jq -e '.ok and (.families[0] | .measures > 30 and .equal == .measures)' "$dir/out" >/dev/null
report $? "$what: verify makes the mutations again from the images, without the model"
again rerun "$dir/case/run" --model "$dir/case/model.onnx" && jq -e '.ok and all(.families[]; .equal == .measures)' "$dir/out" >/dev/null
report $? "$what: rerun gives the same measures, verdicts and answers"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    ok=0
    for f in "$dir/case/run"/evidence-*.json; do /usr/bin/python3 "$root/test/support/schema_check.py" "$root/schema/evidence-1.json" "$f" >>"$dir/out" 2>"$dir/err" || ok=1; done
    /usr/bin/python3 "$root/test/support/schema_check.py" "$root/schema/version-1.json" "$dir/case/version.json" >>"$dir/out" 2>>"$dir/err" || ok=1
    /usr/bin/python3 "$root/test/support/schema_check.py" "$root/schema/bench-manifest-1.json" "$dir/case/$manifest" >>"$dir/out" 2>>"$dir/err" || ok=1
    report $ok 'record, manifest and evidence fit their schemas'
else
    skipped 'record, manifest and evidence fit their schemas' 'python3-jsonschema is not there'
fi

edit manifest.json '.data[0].images.sha256 = "'"$(printf %064d 0)"'"'
refused bench.data_digest 'another digest' 'images with another digest'
edit manifest.json 'del(.data[0].images.sha256)'
sed -i '2s/000.png/..\/labels.csv/; 3s/001.png/nowhere.png/; 4s/002.png/\/etc\/passwd/' "$dir/bad/labels.csv"
refused bench.image_file 'below the folder' 'a label that leaves the folder'
jq -e '[.problems[] | select(.code == "bench.image_file")] | length == 3 and all(.path | test("labels|:[0-9]+"))' "$dir/out" >/dev/null 2>"$dir/err"
report $? 'and the file that is missing and the one outside are named by line too'
edit manifest.json 'del(.data[0].images.sha256)'
head -c 200 "$dir/made/images/000.png" >"$dir/bad/images/000.png"
printf 'P5\n100000 100000\n255\n' >"$dir/bad/images/001.png"
printf 'GIF89a' >"$dir/bad/images/002.png"
ln -sf /etc/passwd "$dir/bad/images/003.png"
refused bench.image 'ends too early' 'a truncated PNG'
jq -e '[.problems[].detail] | any(contains("another width or height")) and any(contains("not a PNG")) and any(contains("a link"))' "$dir/out" >/dev/null 2>"$dir/err"
report $? 'a huge image, another format and a link are refused beside it'
edit version.json '.inputs[0].image.width = 14'
refused bench.image 'another width or height' 'images of another size than the record says'
edit version.json '.inputs[0].image.channels = 3'
refused bench.image 'number of channels' 'grey images where colour is declared'
edit manifest.json '.data[0].columns |= (.inputs = {"image": "file"} | del(.image))'
refused bench.image_declared 'columns.image' 'a table where images are declared'
edit manifest.json '.data[0].images = {"array": "array.npy"} | .data[0].columns.image = "patient"'
sed -i '5s/,[0-9]*,\([FM]\)$/,9000,\1/' "$dir/bad/labels.csv"
refused bench.image 'no image of that number' 'a number beyond the array'
edit version.json '.inputs += [.inputs[0] | .name = "second"]'
refused bench.image_declared 'only input' 'two images'
report_end
