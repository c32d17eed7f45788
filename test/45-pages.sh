#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The real pages of a registry and a node that are up, in a real browser and by hand. TAP.
#   REGISTRY_URL, NODE_URL, NODE_LOGIN, NODE_PASSWORD: the servers, and a clinician of the node; when they are
#   not given, a demo is started up to its predictions and ended by its pid.
# Accepts one pending suggestion when there is one; presses no stop. Screenshots: test/browser/output/.
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d) || exit 3
demo=
trap '[ -z "$demo" ] || { kill "$demo"; wait "$demo"; } 2>/dev/null; rm -rf "$work"' EXIT
if [ -z "$REGISTRY_URL" ] || [ -z "$NODE_URL" ]; then
    "${AMANE:-$root/build/amane}" demo --made --until 7 --serve --data "$work/demo" >"$work/demo.out" 2>&1 &
    demo=$!
    i=0
    while [ $i -lt 1200 ] && ! grep -q '^login:' "$work/demo.out" && kill -0 "$demo" 2>/dev/null; do
        i=$((i + 1))
        sleep 0.1
    done
    if ! grep -q '^login:' "$work/demo.out"; then
        echo 'not ok 1 - a demo is up for the browser'
        sed 's/^/# /' "$work/demo.out"
        echo '1..1'
        exit 1
    fi
    url() { /usr/bin/python3 -c 'import json, sys; w = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/demo/world.json" "$1"; }
    REGISTRY_URL=$(url 'w["registry"]["url"]')
    NODE_URL=$(url 'w["nodes"][0]["url"]')
    NODE_LOGIN=medecin
    NODE_PASSWORD=demo-demo-demo
fi
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}
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
model=$(first '/models/[0-9a-f]\{64\}')
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

out=$root/test/browser/output
session=$(awk '$6 == "amane_session" { print $7 }' "$jar")
browse() { # browse NAME ARGUMENTS...
    name=$1
    shift
    node "$root/test/browser/run.mjs" --out "$out" --name "$name" "$@" >"$work/tap" 2>"$work/err"
    while IFS= read -r line; do
        case $line in
        'ok '*) report 0 "$name ${line#* - }" ;;
        'not ok '*) report 1 "$name ${line#* - }" ;;
        '1..0'*) n=$((n + 1)); echo "ok $n - $name # ${line#*# }" ;;
        '#'*) echo "$line" ;;
        esac
    done <"$work/tap"
    grep -q '^1\.\.' "$work/tap" || { report 1 "$name: the browser ran"; sed 's/^/# /' "$work/err"; }
}
# Every language and width for what people use daily; PAGES_FULL=1 for the others too.
if [ -n "$PAGES_FULL" ]; then few='fr,ar,en'; else few='ar'; fi
browse register "$REGISTRY_URL/"
if [ -n "$model" ]; then
    browse model --interact "$REGISTRY_URL$model"
    browse evidence --langs "$few" "$REGISTRY_URL$model/evidence"
    browse record --langs "$few" "$REGISTRY_URL$model/record"
    browse national-stop --langs "$few" "$REGISTRY_URL$model/stop?role=has&org=HAS&motive=drill"
fi
for page in statements/0 verify witnesses submit; do
    browse "${page%/*}" --langs "$few" "$REGISTRY_URL/$page"
done
browse login --langs "$few" "$NODE_URL/login"
browse worklist --interact --cookie "amane_session=$session" "$NODE_URL/"
[ -z "$one" ] || browse prediction --cookie "amane_session=$session" "$NODE_URL$one"
browse deployments --langs "$few" --cookie "amane_session=$session" "$NODE_URL/deployments"
[ -z "$stop" ] || browse stop --cookie "amane_session=$session" "$NODE_URL$stop"
browse account --langs "$few" --cookie "amane_session=$session" "$NODE_URL/account"
browse second --langs "$few" --cookie "amane_session=$session" "$NODE_URL/account/second"
browse state --langs "$few" --cookie "amane_session=$session" "$NODE_URL/state"

if [ -n "$one" ]; then
    is "303 $NODE_URL/?done=accepted" 'a suggestion is accepted' -d "csrf=$csrf" -d decision=accept "$NODE_URL$one/validate"
    is 409 'the same suggestion is not decided twice' -d "csrf=$csrf" -d decision=accept "$NODE_URL$one/validate"
    is 200 'a decided suggestion is shown without its form' "$NODE_URL$one"
    ! grep -q 'name="decision"' "$work/body"
    report $? 'and offers no decision'
fi
is 303 'signing out' -d "csrf=$csrf" "$NODE_URL/logout"
is 303 'a session that ended is worth nothing' "$NODE_URL/"
echo "1..$n"
exit $bad
