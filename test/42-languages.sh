#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Refusals of the command line in the reader's language: the same problem in French, Arabic and English, out of the
# catalogues, with the same code and exit status; --json does not change. Every code the program can give has words. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
unset LC_ALL LC_MESSAGES LANG LANGUAGE
. "$root/test/support/tap.sh"
shown="$dir/err"
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

# Not an English word in a refusal read in French or Arabic, but for identifiers, which stand in quotes, backquotes,
# guillemets or the list below (codes and names of the interface), and for the code at the end.
cat >"$dir/english.py" <<'PY'
import re
# What a client writes or reads as it is; names of formats and commands.
NAMES = set("""after amane annex8 artifacts base before booster chai dart decision declaration deployment digest documented dsse event
evidence fail fhir files from fsck gate gblinear gbtree genesis insufficient intermediate advanced keyid limit log null postgresql
payload payloadtype predicate record service sha256 sig signal signatures since subject tabular text token until verify version wait
algorithm zipmap json ubj onnx xgboost register registry blobs api put get pilot""".split())
# English words that are no French ones, frequent in what the program writes for its operators.
ENGLISH = set("""the is are was were been be must may with without of and that this these those from by no not has have had to it its an any
given expected missing wrong unknown file files value values cannot needs need needed read written only least most than more less already
before after here there nothing something nobody somebody says said does did done which who whose what when where why how other another each
every same first last new old entry entries row rows key keys declared under over between within too short many few wants wanted
here's bytes digits empty inside outside allowed never always neither nor either""".split()) - {"files"}
def bare(text):
    text = re.sub(r"\[[^\]]*\]$", " ", text)
    return re.sub(r'\{[^{}]*\}|"[^"]*"|`[^`]*`|«[^»]*»|\'[^\']*\'|\S*[/_@=<>]\S*|\S*\w[.:]\w\S*|--?[a-z-]+', " ", text)
def wrong(lang, text):
    words = re.findall(r"(?<![\w’'-])[a-zA-Z]{2,}(?![\w’'-])", bare(text))
    if lang == "ar": # whatever is written small in Latin letters
        return [w for w in words if re.fullmatch("[a-z]{3,}", w) and w not in NAMES]
    return [w for w in words if w in ENGLISH and w not in NAMES]
PY
/usr/bin/python3 - "$root" "$dir" >"$dir/err" <<'PY'
import glob, re, sys
sys.path.insert(0, sys.argv[2])
from english import wrong
bad = seen = 0
for lang in ("fr", "ar"):
    for path in sorted(glob.glob("%s/web/i18n/*.%s.po" % (sys.argv[1], lang))):
        for id, text in re.findall(r'^msgid "((?:diag|why|cmd|err)\.[^"]+)"\nmsgstr "(.*)"$', open(path, encoding="utf-8").read(), re.M):
            found = wrong(lang, text.replace('\\"', '"'))
            seen += 1
            if found:
                bad += 1
                print("%s %s: %s" % (lang, id, " ".join(found)))
sys.exit(bool(bad) or seen < 2000)
PY
report $? 'no sentence of a refusal has an English word in French or Arabic'

# The English details that a sentence shows have words too: each printf format given with such a code.
/usr/bin/python3 - "$root" >"$dir/err" <<'PY'
import glob, re, sys
root = sys.argv[1]
shown, have = set(), set()
for path in glob.glob(root + "/web/i18n/*.fr.po"):
    for id, text in re.findall(r'^msgid "([^"]+)"\nmsgstr "(.*)"$', open(path, encoding="utf-8").read(), re.M):
        have.add(id)
        if id.startswith("diag.") and "{detail}" in text:
            shown.add(id[5:])
table = dict(re.findall(r'X\(([A-Z_0-9]+),\s*"([a-z_.0-9]+)"', open(root + "/src/ledger/ledger_tbl.h").read()))
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
def arguments(text, i):
    depth, out, now = 1, [], ""
    while i < len(text):
        c = text[i]
        if c == '"':
            m = STRING.match(text, i)
            if not m:
                return []
            now, i = now + m[0], m.end()
            continue
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if not depth:
                return out + [now]
        if c == "," and depth == 1:
            out, now = out + [now], ""
        else:
            now += c
        i += 1
    return []
def slug(format): # as why_id() of src/text/text_why.c
    words = re.sub(r"%(?:%|[^sdiuxgf%]*[sdiuxgf])", " ", format)
    return "why." + "_".join(re.findall("[a-z0-9]+", words.lower()))
lost, seen = {}, 0
for path in glob.glob(root + "/src/*/*.c") + glob.glob(root + "/cmd/*.c"):
    # FHIR shows others' places; a manifest of fields is data; templates are ours.
    if path.endswith(("_test.c", "_fuzz.c")) or "/web/web_" in path and "_site_" not in path:
        continue
    text = re.sub(r"/\*.*?\*/", " ", open(path, encoding="utf-8").read(), flags=re.S)
    for call in re.finditer(r"\b(?!if|while|for|switch|return|sizeof)[a-z_]+\s*\(", text):
        given = arguments(text, call.end())
        for k, a in enumerate(given):
            codes = set(re.findall(r'"([a-z_0-9]+\.[a-zA-Z_0-9]+)"', a))
            codes |= {table.get(g, g.lower()) for g in re.findall(r"\bCODE_([A-Z_]+)", a)}
            codes |= {"guard." + table.get(g, g.lower()).split(".")[-1] for g in re.findall(r"\bGUARD_([A-Z_]+)", a)}
            if not codes & shown:
                continue
            for rest in given[k + 1:]:
                for run in re.findall(r'(?:"(?:[^"\\]|\\.)*"\s*)+', rest):
                    format = "".join(q[1:-1] for q in STRING.findall(run))
                    id = slug(format)[:80].rstrip("_")
                    if " " in format and id != "why.":
                        seen += 1
                        if id not in have and not any(h.startswith(id) for h in have if len(id) >= 70):
                            lost.setdefault(format, path)
            break
for format, path in sorted(lost.items()):
    print("no words for \"%s\" of %s" % (format, path))
sys.exit(bool(lost) or seen < 150)
PY
report $? 'every detail that a sentence shows has words'

# And as the program says it.
speaks() { # NAME ARGS...
    name=$1
    shift
    for lang in fr ar; do
        LC_ALL=$lang "$amane" "$@" >"$dir/said" 2>&1 </dev/null
        PYTHONPATH="$dir" /usr/bin/python3 - $lang "$dir/said" >"$dir/err" <<'PY'
import sys
from english import wrong
said = [l for l in open(sys.argv[2], encoding="utf-8").read().splitlines() if l.strip()]
bad = [(w, l) for l in said for w in wrong(sys.argv[1], l.replace("amane: ", "", 1))]
for w in bad:
    print("%s in: %s" % w)
sys.exit(bool(bad) or not said)
PY
        report $? "$name: nothing of it is English, in $lang"
    done
}
# A family of tests is a name on pages: those of the bench and of the schema of evidence have words, and are the same.
/usr/bin/python3 - "$root" >"$dir/err" 2>&1 <<'PY'
import glob, json, re, sys
root = sys.argv[1]
bench = open(root + "/src/bench/bench_tbl.h", encoding="utf-8").read()
table = re.search(r"#define BENCH_FAMILY_MAP\(X\)(.*?[^\\])\n", bench, re.S)[1]
ours = set(re.findall(r'X\("([a-z_]+)"', table))
known = set(json.load(open(root + "/schema/evidence-1.json"))["properties"]["family"]["enum"])
bad = ["%s is no family of schema/evidence-1.json" % f for f in sorted(ours - known)]
for lang in ("fr", "ar", "en"):
    said = "".join(open(path, encoding="utf-8").read() for path in sorted(glob.glob("%s/web/i18n/*.%s.po" % (root, lang))))
    bad += ["no words for family.%s in %s" % (f, lang) for f in sorted(known) if 'msgid "family.%s"' % f not in said]
print("\n".join(bad))
sys.exit(bool(bad) or len(ours) < 10)
PY
report $? 'every family of the bench is one of the schema, and has words'
speaks 'a short line' stat binary --csv "$dir/ragged.csv" --label a --score b
speaks 'a column that is not there' stat binary --csv "$dir/good.csv" --label a --score zz
speaks 'a model that lacks what XGBoost writes' model inspect "$dir/none.json"
speaks 'a file that is not there' model inspect "$dir/no-such-file"
speaks 'a policy with holes' policy show "$dir/policy.json"
speaks 'a certificate of another form' tender verify "$dir/certificate.json" --genesis "$(printf %064d 0)"
speaks 'a folder that is no registry' registry backup --data "$dir/none" --out "$dir/copy"
speaks 'a payload that is not canonical' sign "$dir/loose.json" --key "$dir/k"
LC_ALL=ar "$amane" key --nothing 2>&1 >/dev/null | head -1 | grep -q '^amane: خيار غير معروف --nothing$'
report $? 'an option that is not one is said in the language'
for lang in fr ar en; do
    LC_ALL=$lang "$amane" --help >"$dir/help.$lang"
    LC_ALL=$lang "$amane" key -h >"$dir/key.$lang"
done
! diff "$dir/help.fr" "$dir/help.en" | grep -q '^> *$' && [ "$(grep -c . "$dir/help.ar")" = "$(grep -c . "$dir/help.en")" ] &&
    [ "$(sort "$dir/help.fr" "$dir/help.en" "$dir/help.ar" | uniq -d | grep -vc '^usage: \|^$')" = 0 ]
report $? 'every line of --help but the usage is in the language'
for lang in fr ar; do sed 1d "$dir/key.$lang" | cmp -s - "$dir/key.en" || false; done
report $? 'the synopsis of a command is the same, after what it is for'
report_end
