#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The real pages of a registry and a node, by hand and in one real browser: every page of web/gallery.json, on a
# demo's world with something on each (test/support/pages.py). TAP. Screenshots: test/browser/output/.
# PAGES_FULL=1: every page in every language, width and colour; PAGES_ONLY=TEXT: addresses that hold it.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
if [ -z "$PAGES_WORLD" ]; then
    work=$(mktemp -d) || exit 3
    trap 'rm -rf "$work"' EXIT
    if ! "$AMANE" demo --made --until 7 --data "$work/demo" >"$work/demo.out" 2>&1; then
        echo 'not ok 1 - a demo is up for the browser'
        sed 's/^/# /' "$work/demo.out"
        echo '1..1'
        exit 1
    fi
    /usr/bin/python3 "$root/test/support/pages.py" "$work/demo" sh "$0" >"$work/tap" 2>"$work/err"
    status=$?
    awk '/^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) } { print } END { print "1.." n }' "$work/tap"
    [ $status = 0 ] || sed 's/^/# /' "$work/err"
    exit $status
fi
world() { /usr/bin/python3 -c 'import json, sys; print(eval(sys.argv[2], json.load(open(sys.argv[1]))))' "$PAGES_WORLD" "$1"; }
browser() { # without a plan: more follows
    node "$root/test/browser/pages.mjs" >"$PAGES_WORLD.tap"
    status=$?
    sed -e '/^1\.\.[1-9]/d' -e 's/^1\.\.0/ok 1 - the browser/' "$PAGES_WORLD.tap"
    return $status
}
if [ "$PAGES_PART" = split ] || [ -n "$PAGES_ONLY" ]; then
    browser
    exit
fi
REGISTRY_URL=$(world registry)
NODE_URL=$(world node)
NODE_LOGIN=medecin
NODE_PASSWORD=$(world 'accounts["medecin"]')
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
. "$root/test/support/tap.sh"
jar=$work/jar
get() { curl -s -b "$jar" -o "$work/body" -w '%{http_code} %{redirect_url}' "$@"; }
is() { # is WANT NAME CURL-ARGUMENTS...: the status (and redirect) begin with WANT
    want=$1 name=$2
    shift 2
    got=$(get "$@")
    case $got in "$want"*) report 0 "$name" ;; *) report 1 "$name"; echo "#   $got, not $want" ;; esac
}
first() { grep -o "$1" "$work/body" | head -n 1; }

is 200 'the register lists models' "$REGISTRY_URL/"
is 404 'an unknown model is a 404 page' "$REGISTRY_URL/models/00"
grep -q '<html lang' "$work/body"
report $? 'the 404 page is a page'
is 404 'a statement beyond the log is a 404 page' "$REGISTRY_URL/statements/99999999"
is 405 'a register takes no POST' -X POST "$REGISTRY_URL/"
is 422 'an empty envelope is refused with a page' -d envelope= "$REGISTRY_URL/submit"
is 422 'a foreign envelope is refused with a page' -F envelope='{"payload":"e30=","payloadType":"x","signatures":[]}' \
    "$REGISTRY_URL/submit"
is 403 'a form sent from another site is refused' -H 'Sec-Fetch-Site: cross-site' -d envelope=1 "$REGISTRY_URL/submit"
curl -s -D "$work/head" -o /dev/null "$REGISTRY_URL/?lang=ar"
grep -qi '^set-cookie: amane_lang=ar' "$work/head" && grep -qi "^content-security-policy: default-src 'none'" "$work/head"
report $? 'the language is kept and the policy of contents is sent'
is 303 'without a session the worklist asks to sign in' "$NODE_URL/"
is 401 'a wrong password is refused' -d 'user=nobody&password=wrong' "$NODE_URL/login"
curl -s -c "$jar" -o /dev/null --data-urlencode "user=$NODE_LOGIN" --data-urlencode "password=$NODE_PASSWORD" "$NODE_URL/login"
is 200 'a clinician signs in and sees the worklist' "$NODE_URL/"
csrf=$(first 'name="csrf" value="[0-9a-f]*"' | sed 's/.*value="//; s/"//')
one=$(first '/predictions/[0-9A-Za-z-]*')
is 200 'deployments' "$NODE_URL/deployments"
stop=$(first '/deployments/[0-9a-f]*/stop')
if [ -n "$one" ]; then
    is 403 'a decision without its token is refused' -d decision=accept "$NODE_URL$one/validate"
    is 422 'a refusal without a reason is refused' -d "csrf=$csrf" -d decision=refuse "$NODE_URL$one/validate"
    is 422 'a reason that is not listed is refused' -d "csrf=$csrf" -d decision=refuse -d reason=zz "$NODE_URL$one/validate"
    is 400 'an unknown decision is refused' -d "csrf=$csrf" -d decision=maybe "$NODE_URL$one/validate"
fi
[ -z "$stop" ] || is 403 'a stop without its token is refused' -d scope=establishment "$NODE_URL$stop"

browser || bad=1

if [ -n "$one" ]; then
    is "303 $NODE_URL/?done=accepted" 'a suggestion is accepted' -d "csrf=$csrf" -d decision=accept "$NODE_URL$one/validate"
    is 409 'the same suggestion is not decided twice' -d "csrf=$csrf" -d decision=accept "$NODE_URL$one/validate"
    is 200 'a decided suggestion is shown without its form' "$NODE_URL$one"
    ! grep -q 'name="decision"' "$work/body"
    report $? 'and offers no decision'
    is 403 'a report without its token is refused' -d severity=serious "$NODE_URL$one/report"
    is 422 'a report says how bad it was' -d "csrf=$csrf" -d severity= "$NODE_URL$one/report"
    is "303 $NODE_URL$one#report-h" 'a suggestion is reported' -d "csrf=$csrf" -d severity=serious -d note=kept "$NODE_URL$one/report"
    is 409 'and reported once' -d "csrf=$csrf" -d severity=serious "$NODE_URL$one/report"
    is "303 $NODE_URL$one#only-h" 'its model is stopped for its patient' -d "csrf=$csrf" "$NODE_URL$one/stop"
    is 200 'its page says so' "$NODE_URL$one"
    order=$(first 'name="order" value="[0-9a-f]*"' | sed 's/.*value="//; s/"//')
    is 422 'a lift needs a reason' -d "csrf=$csrf" -d "order=$order" -d reason= "$NODE_URL$one/lift"
    is "303 $NODE_URL$one?lifted=1#only-h" 'who stopped it lifts it' -d "csrf=$csrf" -d "order=$order" -d reason=seen "$NODE_URL$one/lift"
fi
is 403 'a lease file without its token is refused' -F 'file={"envelopes":[]}' "$NODE_URL/state/lease-extension"
is 422 'a file that extends no lease is explained' -F "csrf=$csrf" -F 'file={"envelopes":[]}' "$NODE_URL/state/lease-extension"
is 303 'signing out' -d "csrf=$csrf" "$NODE_URL/logout"
is 303 'a session that ended is worth nothing' "$NODE_URL/"
exit $bad
