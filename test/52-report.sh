#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The report that a demo leaves, in three languages: one well-formed file that asks nothing from anywhere, with
# every figure it should show, and a page that the browser and axe accept. TAP.
# Screenshots: test/browser/output/. AMANE_DEMO: the folder of a demo that ran to its end, else one is made.
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
. "$root/test/support/tap.sh"
tell() { # tell NAME FILE: lines "ok WHAT" become numbered tests of NAME
    while IFS= read -r line; do
        case $line in
        'ok '*) report 0 "$1: ${line#ok }" ;;
        'not ok '*) report 1 "$1: ${line#not ok }" ;;
        *) echo "$line" ;;
        esac
    done <"$2"
}
demo=${AMANE_DEMO:-$work/demo}
if [ -z "$AMANE_DEMO" ]; then
    "$AMANE" demo --data "$demo" --made --lang fr >"$work/out" 2>&1
    status=$?
    report $status 'a demo leaves its report'
    [ $status = 0 ] || { sed 's/^/# /' "$work/out"; echo "1..$n"; exit 1; }
fi
model=$(sed -n 's/.*"model_digest": *"\([0-9a-f]*\)".*/\1/p' "$demo/world.json" | head -n 1)
"$AMANE" policy eval --log "$demo/copy" --model "$model" --json >"$work/verdicts.json"
report $? 'the verdict is computed again from the copy'
mkdir "$work/site"
cp "$demo/report.html" "$work/site/$(sed -n 's/^<html lang="\([a-z]*\)".*/\1/p' "$demo/report.html").html"
for lang in fr ar en; do
    [ -f "$work/site/$lang.html" ] || cp "$demo/report.$lang.html" "$work/site/$lang.html"
    /usr/bin/python3 "$root/test/support/report_check.py" "$demo" "$work/site/$lang.html" $lang "$work/verdicts.json" >"$work/check" 2>"$work/err"
    grep -q '^ok' "$work/check" || { report 1 "$lang: the checker ran"; sed 's/^/# /' "$work/err"; }
    tell $lang "$work/check"
done

# The checker itself: each defect planted in a copy must be found.
plant() { # plant NAME SED-SCRIPT
    sed "$2" "$work/site/en.html" >"$work/bad.html"
    cmp -s "$work/bad.html" "$work/site/en.html" && { report 1 "planted: $1 (could not be planted)"; return; }
    ! /usr/bin/python3 "$root/test/support/report_check.py" "$demo" "$work/bad.html" en "$work/verdicts.json" >"$work/check" 2>&1
    report $? "planted: $1 is found"
}
plant 'an image from elsewhere' 's,</main>,<img src="/x.png" alt="">&,'
plant 'a font from elsewhere' 's,url(data:font/woff2;base64\,[^)]*),url(fonts/a.woff2),'
plant 'a tag left open' 's,</footer>,,'
plant 'a lost verdict' 's,PF-2,,g'
plant 'a word without translation' 's;<footer><p>;&report.h.model ;'

node "$root/test/browser/run.mjs" --out "$root/test/browser/output" --name report --weight 300 "file://$work/site/{lang}.html" \
    >"$work/tap" 2>"$work/err"
while IFS= read -r line; do
    case $line in
    'ok '*) report 0 "browser: ${line##*/}" ;;
    'not ok '*) report 1 "browser: ${line##*/}" ;;
    '1..0'*) n=$((n + 1)); echo "ok $n - browser # ${line#*# }" ;;
    '#'*) echo "$line" ;;
    esac
done <"$work/tap"
grep -q '^1\.\.' "$work/tap" || { report 1 'the browser ran'; sed 's/^/# /' "$work/err"; }
report_end
