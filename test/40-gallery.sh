#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The gallery of components in three languages, in a real browser; and what the style sheet promises. TAP.
# Screenshots stay in test/browser/output/. AMANE_GALLERY_TEST = the renderer (default: the sanitized build's).
root=$(cd "$(dirname "$0")/.." && pwd)
renderer=${AMANE_GALLERY_TEST:-$(dirname "${AMANE_SAN:-$root/build-san/amane}")/web_gallery_test}
work=$(mktemp -d) || exit 3
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
. "$root/test/support/tap.sh"
css=$root/web/assets/app.css

found=$(grep -nE '(^|[^-a-z])((margin|padding|border)-(left|right|top|bottom)|left|right|top|bottom|width|height|(min|max)-(width|height))[[:space:]]*:' "$css" |
    grep -vE '@media ?\((max|min)-width')
[ -z "$found" ]
report $? 'the style sheet uses logical properties only'
[ -z "$found" ] || echo "$found" | sed 's/^/# /'

/usr/bin/python3 - "$css" >"$work/contrast" <<'PY'
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
blocks = re.findall(r":root\{([^}]*)\}", text)
def tokens(block):
    return dict(re.findall(r"--([a-z]+):(#[0-9a-f]{3,6})", block))
def light(h):
    h = h[1:] if len(h) == 7 else "".join(c * 2 for c in h[1:])
    c = [int(h[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    c = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in c]  # WCAG 2.2, relative luminance
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
def ratio(a, b):
    a, b = sorted((light(a), light(b)), reverse=True)
    return (a + 0.05) / (b + 0.05)
day = tokens(blocks[0])
night = {**day, **tokens(blocks[1])}
bad = 0
for name, t in (("light", day), ("dark", night)):
    for ink, ground, least in [("ink", "bg", 7), ("ink", "alt", 7), ("mute", "bg", 7), ("mute", "alt", 7), ("brand", "bg", 7),
            ("brand", "alt", 7), ("on", "brand", 7), ("ok", "okb", 7), ("warn", "warnb", 7), ("ko", "kob", 7), ("ko", "bg", 7),
            ("edge", "bg", 3), ("focus", "bg", 3), ("focus", "alt", 3)]:
        r = ratio(t[ink], t[ground])
        if r < least:
            print("%s: %s on %s is %.2f, at least %d" % (name, ink, ground, r, least))
            bad = 1
sys.exit(bad)
PY
status=$?
report $status 'text contrast is at least 7:1, graphics 3:1, light and dark'
[ $status = 0 ] || sed 's/^/# /' "$work/contrast"

if [ ! -x "$renderer" ]; then
    echo "ok $((n + 1)) - gallery in the browser # skip $renderer is not built"
    echo "1..$((n + 1))"
    exit $bad
fi
mkdir "$work/site"
AMANE_SOURCE_ROOT=$root AMANE_GALLERY_OUT=$work/site "$renderer" >"$work/log" 2>&1
status=$?
report $status 'the gallery renders'
[ $status = 0 ] || { sed 's/^/# /' "$work/log"; echo "1..$n"; exit 1; }

mkfifo "$work/hold"
node "$root/test/browser/serve.mjs" "$work/site" <"$work/hold" >"$work/port" 2>"$work/server.log" &
server=$!
exec 9>"$work/hold"
i=0
while [ ! -s "$work/port" ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
base=http://127.0.0.1:$(cat "$work/port")
out=$root/test/browser/output
# The gallery shows every component at once: heavier than any page, which has 60 kB.
{
    node "$root/test/browser/run.mjs" --out "$out" --name gallery --weight 80 --interact "$base/{lang}.html"
    node "$root/test/browser/run.mjs" --out "$out" --name page --langs fr "$base/login.html" "$base/error.html"
} >"$work/tap" 2>"$work/err"
while IFS= read -r line; do
    case $line in
    'ok '* | 'not ok '*)
        case $line in 'not ok '*) s=1 ;; *) s=0 ;; esac
        report $s "${line#* - }" ;;
    '1..0'*) n=$((n + 1)); echo "ok $n - gallery in the browser # ${line#*# }" ;;
    '#'*) echo "$line" ;;
    esac
done <"$work/tap"
if ! grep -q '^1\.\.' "$work/tap"; then
    report 1 'the browser ran'
    sed 's/^/# /' "$work/err"
fi
exec 9>&-
report_end
