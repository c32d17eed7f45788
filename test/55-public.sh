#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the public reads of a registry that ran the demo: the register searched and filtered, feeds, exports, and
# pages kept by their ETag; each compared with the log. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
work=$(mktemp -d) || exit 3
demo=
trap '[ -z "$demo" ] || { kill "$demo"; wait "$demo"; } 2>/dev/null; rm -rf "$work"' EXIT
. "$root/test/support/tap.sh"
"$AMANE" demo --data "$work/demo" --made --serve >"$work/out" 2>&1 &
demo=$!
i=0
while [ $i -lt 1800 ] && ! grep -q '^login:' "$work/out" && kill -0 "$demo" 2>/dev/null; do
    i=$((i + 1))
    sleep 0.1
done
grep -q '^login:' "$work/out"
report $? "a demo serves its registry"
url=$(jq -r .registry.url "$work/demo/world.json")

# ---- search
found() { curl -sf -G "$url/api/v1/versions" "$@" | jq -r .total; }
digest=$(curl -sf "$url/api/v1/versions" | jq -r '.items[0].model_digest')
[ "$(found --data-urlencode 'q=diabète')" = 1 ] && [ "$(found --data-urlencode 'q=DIABETES')" = 1 ] &&
    [ "$(found --data-urlencode 'q=السكري')" = 1 ] && [ "$(found --data-urlencode 'q=watch')" = 1 ] &&
    [ "$(found --data-urlencode 'q=poumon')" = 0 ] && [ "$(found --data-urlencode "q=$digest")" = 1 ]
report $? "a model is found in French, English and Arabic, and by its digest"
curl -sf "$url/api/v1/versions" | jq -e '.facets.state[0].n == 1 and .facets.region[0].n == 1 and (.facets | length) == 6' >/dev/null
report $? "facets count use, speciality, level, state, region, supplier"
[ "$(found -d state=declared)" = 0 ] && [ "$(found -d level=base -d supplier=DEMOAI)" = 1 ]
report $? "filters are combined"
for bad_query in cursor=zz limit=0 limit=101 "q=$(printf 'a%.0s' $(seq 600))"; do
    code=$(curl -s -o "$work/problem" -w '%{http_code}' "$url/api/v1/versions?$bad_query")
    case $code in 400 | 413) ;; *) break ;; esac
    jq -e '.problems[0].code | startswith("query.")' "$work/problem" >/dev/null || break
    code=fine
done
[ "$code" = fine ]
report $? "a malformed search is refused with its reason"
curl -sf "$url/?state=declared&lang=fr" | grep -q 'aria-label="Filtrer' &&
    curl -sf "$url/?use=DIABETES-RISK" | grep -q 'aria-current="true"'
report $? "the register's page filters without scripts"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/?cursor=nonsense&level=%22%3E%3Cscript%3E&q=%00")" != 500 ] &&
    ! curl -s "$url/?level=%22%3E%3Cscript%3E" | grep -q '<script>'
report $? "what an address says is never markup"

# ---- who uses it, and where
place=$(curl -sf "$url/api/v1/deployments" | jq -r '.items[0].id')
curl -sf "$url/api/v1/deployments/$place/card" | jq -e --arg d "$digest" '.model_digest == $d and .C1_deployer.phase == "pilot"
    and (.C2_submitter.role | length) > 0 and (.C5_data_protection_assessment.dpia | length) > 0' >/dev/null
report $? "section C of Annex VIII names the deployer and its impact assessment"
curl -sf "$url/api/v1/versions/$digest@30" | jq -e '.tree_size == 30 and .version.state != "labelled"' >/dev/null
report $? "a version is told as it was at a size of the log"

# ---- feeds
for lang in fr ar en; do
    for feed in decisions stops; do
        curl -sf -D "$work/head" -o "$work/$feed.$lang" "$url/feeds/$feed.atom?lang=$lang"
    done
done
/usr/bin/python3 - "$work" "$digest" <<'PY' >"$work/said" 2>&1
import datetime, sys
import xml.etree.ElementTree as E
work, digest = sys.argv[1:]
A = "{http://www.w3.org/2005/Atom}"
def ids(feed, lang):
    root = E.parse("%s/%s.%s" % (work, feed, lang)).getroot()
    assert root.tag == A + "feed" and root.get("{http://www.w3.org/XML/1998/namespace}lang") == lang
    for need in ("id", "title", "updated", "author"):
        assert root.find(A + need) is not None, need
    assert root.find(A + "link[@rel='self']").get("href").startswith("/feeds/%s.atom" % feed)
    seen = []
    for e in root.findall(A + "entry"):
        datetime.datetime.strptime(e.find(A + "updated").text, "%Y-%m-%dT%H:%M:%SZ")
        assert e.find(A + "title").text and digest in e.find(A + "link[@rel='alternate']").get("href")
        seen.append(e.find(A + "id").text)
    return seen
for feed in ("decisions", "stops"):
    first = ids(feed, "fr")
    assert first and len(set(first)) == len(first), feed
    assert ids(feed, "ar") == first and ids(feed, "en") == first, "ids differ between languages"
PY
report $? "feeds are Atom, with the same ids in three languages $(tail -n 1 "$work/said")"
grep -qi '^content-type: application/atom+xml' "$work/head"
report $? "feeds have their media type"
# The log may grow between two requests (a node's checkpoint): then the feed has changed, and is asked anew.
kept=1
for i in 1 2 3 4 5 6; do
    curl -sf -D "$work/head" -o /dev/null "$url/feeds/stops.atom?lang=en"
    tag=$(sed -n 's/^[Ee][Tt]ag: *\(.*\)\r$/\1/p' "$work/head")
    [ -n "$tag" ] && [ "$(curl -s -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "$url/feeds/stops.atom?lang=en")" = 304 ] && kept=0 && break
done
report $kept "a feed that has not changed is 304"

for feed in decisions stops; do
    curl -sf -D "$work/$feed.head" -o "$work/$feed.rss" "$url/feeds/$feed.rss?lang=ar"
done
/usr/bin/python3 - "$work" "$url" <<'PY' >"$work/said" 2>&1
import email.utils, sys
import xml.etree.ElementTree as E
work, url = sys.argv[1:]
A = "{http://www.w3.org/2005/Atom}"
for feed in ("decisions", "stops"):
    rss = E.parse("%s/%s.rss" % (work, feed)).getroot()
    channel = rss.find("channel")
    assert rss.tag == "rss" and rss.get("version") == "2.0" and channel.findtext("language") == "ar"
    assert channel.findtext("link") == url + "/" and channel.findtext("description")
    email.utils.parsedate_to_datetime(channel.findtext("lastBuildDate"))
    atom = [(e.findtext(A + "id"), e.findtext(A + "title")) for e in E.parse("%s/%s.ar" % (work, feed)).getroot().findall(A + "entry")]
    assert [(i.findtext("guid"), i.findtext("title")) for i in channel.findall("item")] == atom, feed
    for i in channel.findall("item"):
        assert i.findtext("link").startswith(url + "/models/")
        assert email.utils.parsedate_to_datetime(i.findtext("pubDate")).tzinfo
    assert "application/rss+xml" in open("%s/%s.head" % (work, feed)).read().lower()
PY
report $? "RSS 2.0 says what Atom says, with whole addresses and dates $(tail -n 1 "$work/said")"
[ "$(curl -sf "$url/" | grep -c '<link rel="alternate" type="application/')" = 4 ]
report $? "the register names its feeds to readers"

# ---- what a model's page says to run, run as it is printed
mkdir "$work/shell" "$work/bin"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$AMANE" >"$work/bin/amane"
chmod +x "$work/bin/amane"
curl -sf "$url/models/$digest?lang=ar" | /usr/bin/python3 -c '
import html.parser, sys
class P(html.parser.HTMLParser):
    on = False
    def handle_starttag(self, tag, attrs): self.on = self.on or (tag == "pre" and "data-shell" in dict(attrs))
    def handle_endtag(self, tag): self.on = self.on and tag != "pre"
    def handle_data(self, data):
        if self.on: sys.stdout.write(data)
P().feed(sys.stdin.read())' >"$work/shell/run.sh"
(cd "$work/shell" && PATH=$work/bin:$PATH sh -e run.sh) >"$work/said" 2>&1 && grep -q '^recorded: .*: equal$' "$work/said" &&
    [ "$(tail -n 1 "$work/said")" = 'Verified OK' ]
report $? "the commands on a model's page copy, verify, recompute, and check a signature"
printf X | dd of="$work/shell/pae" bs=1 seek=60 conv=notrunc 2>"$work/dd"
! (cd "$work/shell" && openssl dgst -sha256 -verify key.pem -signature sig pae) >"$work/said" 2>&1
report $? "and refuse a changed byte"
curl -s -H "Host: x'; touch /tmp/pwned; '" "$url/models/$digest" >"$work/body"
! grep -q 'pwned' "$work/body"
report $? "a host that is no name is not printed into a command"
curl -sf "$url/models/$digest" >"$work/body" && grep -q 'id="incidents-h"' "$work/body" &&
    grep -q 'href="/suppliers/DEMOAI"' "$work/body" && ! grep -q '/vigilance/report' "$work/body"
report $? "everybody reads the counts of incidents; the report is for those who may sign"

# ---- exports
curl -sf -D "$work/head" -o "$work/versions.csv" "$url/api/v1/export/versions.csv"
curl -sf -o "$work/versions.json" "$url/api/v1/export/versions.json"
curl -sf -o "$work/checkpoint" "$url/log/checkpoint"
/usr/bin/python3 - "$work" "$digest" <<'PY' >"$work/said" 2>&1
import csv, json, sys
work, digest = sys.argv[1:]
rows = list(csv.DictReader(open(work + "/versions.csv", encoding="utf-8", newline="")))
doc = json.load(open(work + "/versions.json"))
line = open(work + "/checkpoint").read().split("\n")
assert len(rows) == len(doc["items"]) == 1
assert rows[0]["model_digest"] == doc["items"][0]["model_digest"] == digest
assert rows[0]["trade_name_ar"] == doc["items"][0]["trade_name"]["ar"] != ""
assert int(rows[0]["tree_size"]) == doc["tree_size"] == int(line[1])
assert rows[0]["root"] == doc["root"] == line[2], "the root of an export is the checkpoint's"
for k, v in rows[0].items():
    if k in doc["items"][0] and not isinstance(doc["items"][0][k], dict):
        assert str(doc["items"][0][k]) == v, k
PY
report $? "exports agree with each other and with the checkpoint $(tail -n 1 "$work/said")"
grep -qi "^content-disposition: attachment; filename=\"register-$(sed -n 2p "$work/checkpoint").csv\"" "$work/head"
report $? "an export is named after the size of the log"

# ---- pages kept
curl -sf -D "$work/head" -o "$work/one" -H 'Accept-Language: ar' "$url/models/$digest"
tag=$(sed -n 's/^[Ee][Tt]ag: *\(.*\)\r$/\1/p' "$work/head")
[ "$(curl -s -o "$work/two" -w '%{http_code}' -H 'Accept-Language: ar' -H "If-None-Match: $tag" "$url/models/$digest")" = 304 ] && [ ! -s "$work/two" ]
report $? "a page that has not changed is 304"
curl -sf -o "$work/two" -H 'Accept-Language: ar' "$url/models/$digest" && cmp -s "$work/one" "$work/two" &&
    curl -sf -o "$work/two" -H 'Accept-Language: fr' "$url/models/$digest" && ! cmp -s "$work/one" "$work/two"
report $? "a page kept is the page rendered, by language"
curl -sf "$url/metrics" >"$work/metrics"
hits=$(sed -n 's/^amane_pages_hits_total //p' "$work/metrics")
[ "${hits:-0}" -ge 1 ] && grep -q '^amane_search_documents 1$' "$work/metrics" && grep -q '^amane_search_missed_total 0$' "$work/metrics"
report $? "metrics count pages kept and documents indexed"
report_end
