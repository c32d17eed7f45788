#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# amane bench verify and rerun, as an auditor meets them: a clean folder is equal, and whatever is altered in it is named:
# numbers of evidence (a seeded sample of every file, every kind of member), scores, answers, files, declarations. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
case_=$dir/case
/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$case_" >"$dir/out" 2>"$dir/err"
report $? 'a made cohort of four sites'
"$amane" bench run --record "$case_/version.json" --model "$case_/model.json" --data "$case_/manifest.json" --out "$dir/good" \
    --level advanced >"$dir/out" 2>"$dir/err"
report $? 'the bench runs'
again() { # again VERB FOLDER ARGS...
    verb=$1 folder=$2
    shift 2
    "$amane" bench "$verb" "$folder" --json "$@" >"$dir/out" 2>"$dir/err"
}
copy() { rm -rf "$dir/bad"; cp -r "$dir/good" "$dir/bad"; }
with() { again verify "$dir/bad" --data "$case_/manifest.json"; }
# named CODE PATH NAME: the last verification said no, and names that
named() {
    code=$?
    [ "$code" = 1 ] && jq -e --arg c "$1" --arg p "$2" '.ok == false and any((.problems + .warnings)[]; .code == $c and (.path | startswith($p)))' \
        "$dir/out" >/dev/null 2>>"$dir/err"
    report $? "$3"
}

again verify "$dir/good" && jq -e '.ok and .problems == [] and all(.families[]; .compared and .equal + .not_derived == .measures) and
    ([.families[] | select(.not_derived == 0) | .family] | contains(["performance", "equity", "identity", "multi_site"]))' "$dir/out" >/dev/null
report $? 'a clean folder: the score file tells performance, equity, identity and sites; the rest is counted'
again verify "$dir/good" --data "$case_/manifest.json" &&
    jq -e '.ok and ([.families[].measures] | add) > 300 and all(.families[]; .equal == .measures and .not_derived == 0)' "$dir/out" >/dev/null
report $? 'with the data: every measure of every family, without the model'
again verify "$dir/good/evidence-coherence.json" --data "$case_/manifest.json" && jq -e '.families | length == 1' "$dir/out" >/dev/null
report $? 'one evidence file'
again verify "$dir/good" --model "$case_/model.json"
report $? 'the model file is the one that answered'
again verify "$dir/good" --model "$case_/version.json"
named kept.other_run answers- 'another model file is not'
again rerun "$dir/good" --model "$case_/model.json" --data "$case_/manifest.json" --jobs 2 && jq -e '.ok and all(.families[]; .equal == .measures)' "$dir/out" >/dev/null
report $? 'rerun: the same measures, scores, curves and answers, byte for byte'
LC_ALL=fr "$amane" bench verify "$dir/good" >"$dir/out" 2>"$dir/err" && grep -q 'au dernier bit' "$dir/out"
report $? 'in French'

# Numbers: the summary's digest finds any change of a file; an evidence file alone shows that the number itself is found.
/usr/bin/python3 - "$dir/good" "$dir/alone" "$amane" "$case_/manifest.json" >"$dir/out" 2>"$dir/err" <<'PY'
import glob, json, os, random, shutil, subprocess, sys
good, alone, amane, manifest = sys.argv[1:]
draw = random.Random(7)
told = "identity performance equity_documentation equity multi_site context interoperability".split()
shutil.copytree(good, alone)
tried, lost = 0, []
for path in sorted(glob.glob(alone + "/evidence-*.json")):
    text = open(path).read()
    family = os.path.basename(path)[9:-5]
    places = []
    def walk(v, at):
        if isinstance(v, dict):
            for k in v: walk(v[k], at + [k])
        elif isinstance(v, list):
            for i, x in enumerate(v): walk(x, at + [i])
        elif at[0] not in ("issuer", "issued_at") and not (at[0] == "bench" and at[1] != "config_sha256"):
            if isinstance(v, (int, float)) or v is None or str(at[-1]).endswith("sha256") or at[0] == "rows":
                places.append(at)
    walk(json.loads(text), [])
    for at in draw.sample(places, min(len(places), 3)):
        doc = json.loads(text)
        v = doc
        for k in at[:-1]: v = v[k]
        old = v[at[-1]]
        v[at[-1]] = ("0" * 64 if isinstance(old, str) and len(old) == 64 else old + "9" if isinstance(old, str) else (not old) if isinstance(old, bool)
                     else 0.5 if old is None else old + 1 if isinstance(old, int) else old * (1 + 2 ** -52) if old else 5e-324)
        open(path, "w").write(json.dumps(doc))
        extra = [] if family in told else ["--data", manifest]
        got = subprocess.run([amane, "bench", "verify", path, "--json"] + extra, capture_output=True, text=True)
        tried += 1
        if got.returncode != 1: lost.append((family, at, got.returncode))
    open(path, "w").write(text)
print(tried, "altered,", len(lost), "not found", lost[:5])
sys.exit(bool(lost) or tried < 40)
PY
report $? "a number altered by its last bit: $(tail -n 1 "$dir/out")"

copy
sed -i 's/"estimate": 0/"estimate": 1/' "$dir/bad/summary.json"
with
named kept.differs summary.json 'a number of the summary'
copy
jq '.requirements |= map(.verdict = (if .verdict == "pass" then "fail" else "pass" end))' "$dir/good/summary.json" >"$dir/bad/summary.json"
again verify "$dir/bad"
[ $? = 1 ] && jq -e --slurpfile s "$dir/good/summary.json" '[.problems[] | select(.code == "kept.differs") | .path] ==
    [$s[0].requirements | keys[] | "summary.json/requirements/\(.)/verdict"] and (.problems[0].detail | startswith("ID-1 base kept"))' "$dir/out" >/dev/null 2>>"$dir/err"
report $? "each of $(jq '.requirements | length' "$dir/good/summary.json") verdicts, changed, is judged again and named"
for filter in '.level = "advanced"' '.outcome = "granted"' '.national = true' '.policy.name.en = "National"' \
    '.undemonstrated_groups += ["sex=x"]' '.requirements |= .[1:]' '.requirements[3].value = 0.5' '.policy.sha256 = "0"'; do
    copy
    jq "$filter" "$dir/good/summary.json" >"$dir/bad/summary.json"
    cmp -s "$dir/good/summary.json" "$dir/bad/summary.json" || again verify "$dir/bad"
    [ $? = 1 ] && jq -e 'any(.problems[]; .path | startswith("summary.json"))' "$dir/out" >/dev/null
    report $? "the summary with $filter"
done
copy
jq '(.rows[] | select(.id == "PF-1") | .limits[].value) = 0.999' "$root/policy/label-matrix.json" >"$dir/bad/policy.json"
jq --arg d "$(jq -cS . "$dir/bad/policy.json" | tr -d '\n' | sed 's/1e-05/0.00001/g' | sha256sum | cut -d' ' -f1)" '.policy.sha256 = $d' "$dir/good/summary.json" >"$dir/bad/summary.json"
again verify "$dir/bad"
named kept.policy 'policy.json' 'another policy in the folder is said'
jq -e 'any(.problems[]; .detail | startswith("PF-1"))' "$dir/out" >/dev/null
report $? 'and its verdicts are not those of the summary'
again verify "$dir/bad" --policy "$root/policy/label-matrix.json"
named kept.policy_missing summary.json 'a policy that is not the one of the summary judges nothing'
copy
jq '.measures |= .[1:]' "$dir/good/evidence-performance.json" >"$dir/bad/evidence-performance.json"
with
named kept.differs evidence-performance.json 'a measure left out'
jq -e 'any(.problems[]; .code == "kept.digest" and .path == "evidence-performance.json")' "$dir/out" >/dev/null
report $? 'and its digest is not the one of the summary'
copy
rm "$dir/bad/evidence-degradation.json"
again verify "$dir/bad"
named file evidence-degradation.json 'evidence that is not there'
copy
jq '.evidence |= map(select(.family != "degradation"))' "$dir/good/summary.json" >"$dir/bad/summary.json"
rm "$dir/bad/evidence-degradation.json"
with
named kept.missing degradation 'evidence that the summary does not list either'
copy
awk -F, -v OFS=, 'NR == 5 { $4 = "0.123" } { print }' "$dir/good/scores.csv" >"$dir/bad/scores.csv"
again verify "$dir/bad"
named kept.differs evidence- 'a score: what depends on it'
with
named kept.bytes scores.csv 'a score: the answers say another'
copy
awk 'NR == 2 { held = $0; next } { print } NR == 3 { print held }' "$dir/good/scores.csv" >"$dir/bad/scores.csv"
again verify "$dir/bad"
named kept.scores scores.csv 'two cases swapped'
for family in coherence tampering reproducibility; do
    copy
    truncate -s -9 "$dir/bad/answers-$family.bin"
    with
    named kept.tape "evidence-$family.json" "answers of $family cut short"
done
copy
rm "$dir/bad/answers-mutation.bin"
with
named kept.tape evidence-mutation.json 'answers that are not there'
copy
cp "$dir/good/answers-ordering.bin" "$dir/bad/answers-coherence.bin"
with
named kept.tape evidence-coherence.json 'answers of another family'
"$amane" bench run --record "$case_/version.json" --model "$case_/model.json" --data "$case_/manifest.json" --out "$dir/other" --seed 9 \
    --level advanced >"$dir/out" 2>"$dir/err"
copy
cp "$dir/other/answers-degradation.bin" "$dir/bad/answers-degradation.bin"
with
named kept.tape evidence-degradation.json 'answers of another run'
again rerun "$dir/other" --model "$case_/model.json" --data "$case_/manifest.json" && jq -e .ok "$dir/out" >/dev/null
report $? 'rerun takes the seed of the folder'
copy
rm "$dir/bad/answers-identity.bin"
again verify "$dir/bad"
named kept.answers answers-identity.bin 'without the scoring nothing can be said'
copy
jq '.threshold_note = 1 | .id = "another"' "$dir/good/manifest.json" >"$dir/bad/manifest.json"
again verify "$dir/bad"
[ $? = 1 ]
report $? 'another manifest'
again rerun "$dir/bad" --model "$case_/model.json"
[ $? = 2 ]
report $? 'rerun without data is a usage error'
again verify "$dir/nowhere"
[ $? -gt 0 ]
report $? 'a folder that is not there'
ls "$dir/good" | grep -q 'tmp' && [ "$(stat -c %a "$dir/good/answers-coherence.bin")" != 600 ]
[ $? = 1 ]
report $? 'answers are sealed (0600), no half file is left'
report_end
