#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Refusals of the command line in the reader's language: the same problem in French, Arabic and English, out of the
# catalogues, with the same code and exit status; --json does not change. Every code the program can give has words. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
unset LC_ALL LC_MESSAGES LANG LANGUAGE
n=0 bad=0
report() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        sed 's/^/# /' "$dir/err" | head -20
        bad=1
    fi
}
words() { # words LANG ID: as the program has them
    /usr/bin/python3 - "$root/web/i18n" "$1" "$2" <<'PY'
import glob, re, sys
for path in glob.glob("%s/*.%s.po" % tuple(sys.argv[1:3])):
    found = re.search(r'^msgid "%s"\nmsgstr "(.*)"$' % re.escape(sys.argv[3]), open(path, encoding="utf-8").read(), re.M)
    if found:
        # Up to the first value put in; typography is the compiler's: compared without it.
        print(re.sub(r"[\W_]+", "", found[1].split("{")[0].replace('\\"', '"')))
PY
}
bare() { /usr/bin/python3 -c 'import re, sys; print(re.sub(r"[\W_]+", "", sys.stdin.read()))'; }
# refuses CODE STATUS NAME ARGS...: in three languages
refuses() {
    code=$1 status=$2 name=$3
    shift 3
    for lang in fr ar en; do
        LC_ALL=${lang}_XX.UTF-8 "$amane" "$@" >"$dir/out" 2>"$dir/err" </dev/null
        got=$?
        cat "$dir/out" >>"$dir/err"
        want=$(words $lang "diag.$code")
        [ -n "$want" ] && [ $got = "$status" ] && grep -qF "[$code]" "$dir/err" && bare <"$dir/err" | grep -qF "$want"
        report $? "$name: in $lang, with its code"
    done
}
printf 'a,b\n1\n' >"$dir/ragged.csv"
printf 'a,b\n1,2\n' >"$dir/good.csv"
echo '{"version":[1,1,1]}' >"$dir/none.json"
echo '{"b":1, "a":2}' >"$dir/loose.json"
echo '{"schema":"amane/policy/1","matrix":{}}' >"$dir/policy.json"
echo '{}' >"$dir/certificate.json"
"$amane" key new --out "$dir/k" >/dev/null
refuses csv.ragged 1 'a table with a short line' stat binary --csv "$dir/ragged.csv" --label a --score b
refuses csv.column 1 'a column that is not there' stat binary --csv "$dir/good.csv" --label a --score zz
refuses model.format 1 'a file that is no model' model inspect "$dir/good.csv"
refuses model.xgboost 1 'a model that lacks what XGBoost writes' model inspect "$dir/none.json"
refuses sign.canonical 1 'a payload that is not canonical' sign "$dir/loose.json" --key "$dir/k"
refuses schema.required 1 'a policy with holes' policy show "$dir/policy.json"
refuses certificate.schema 1 'a certificate of another form' tender verify "$dir/certificate.json" --genesis "$(printf %064d 0)"
refuses schema.required 1 'a record and a manifest with holes' bench run --record "$dir/certificate.json" --model "$dir/none.json" --data "$dir/certificate.json" --out "$dir/bench"

say() { "$amane" model inspect "$dir/good.csv" 2>"$dir/err" >/dev/null; }
LANG=ar_MA.UTF-8 say
grep -q "$(LC_ALL=ar "$amane" model inspect "$dir/good.csv" 2>&1 >/dev/null | tail -1 | cut -c 1-20)" "$dir/err"
report $? 'LANG counts when nothing else is set'
LANG=ar LC_MESSAGES=fr say
grep -q 'examen du mod' "$dir/err"
report $? 'LC_MESSAGES counts before LANG'
LANG=ar LC_MESSAGES=ar LC_ALL=en_GB.UTF-8 say
grep -q '^amane: model inspect ' "$dir/err"
report $? 'LC_ALL counts before both'
LC_ALL=C say && false
grep -q '^amane: model inspect ' "$dir/err"
report $? 'a language that is not ours is English'
LC_ALL=fr "$amane" model inspect "$dir/no-such-file" 2>"$dir/err"
grep -q 'examen du mod.*no-such-file: introuvable' "$dir/err"
report $? 'what the system refused is told in the language too'
for lang in fr ar en; do LC_ALL=$lang "$amane" tender verify "$dir/certificate.json" --genesis "$(printf %064d 0)" --json >"$dir/json.$lang" 2>"$dir/err"; done
jq -e '.problems[0].code == "certificate.schema"' "$dir/json.fr" >/dev/null && cmp -s "$dir/json.fr" "$dir/json.en" && cmp -s "$dir/json.ar" "$dir/json.en"
report $? '--json is the same in every language'

# Codes given by calls that add a problem, wherever they stand in the sources, and the words there are.
/usr/bin/python3 - "$root" >"$dir/err" <<'PY'
import glob, re, sys
root = sys.argv[1]
have = set()
for path in glob.glob(root + "/web/i18n/*.fr.po"):
    have |= set(re.findall(r'^msgid "diag\.([^"]+)"', open(path, encoding="utf-8").read(), re.M))
call = re.compile(r"\b(?:diag_err|diag_add|registry_problem|\w*(?:problem|refuse|bad|wrong)\w*)\s*\(((?:[^;])*?);")
lost = {}
for path in glob.glob(root + "/src/*/*.c") + glob.glob(root + "/cmd/*.c"):
    # Templates are ours: a broken one never meets a reader. FHIR names its places the way others name codes.
    if path.endswith(("_test.c", "_fuzz.c")) or "/web/web" in path or "/fhir/" in path:
        continue
    for found in call.finditer(open(path, encoding="utf-8").read()):
        for code in re.findall(r'"([a-z_0-9]+\.[a-zA-Z_0-9]+)"', found[1][:400]):
            if code not in have:
                lost.setdefault(code, path)
for code, path in sorted(lost.items()):
    print("no words for %s of %s" % (code, path))
sys.exit(bool(lost) or len(have) < 600)
PY
report $? 'every code in the sources is a sentence'
echo "1..$n"
exit $bad
