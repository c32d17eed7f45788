#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A model behind an endpoint: what a stranger is refused, what a thief is slowed by, what a hostile service can do to a
# run (nothing). The service is test/support/endpoint.py on 127.0.0.1; each of its controls, switched off, makes its row
# red for the right reason. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
service=
trap 'down; rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/err"
/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/case" >"$dir/out" 2>"$dir/err"
report $? 'a made cohort and its model'
cd "$dir/case" || exit 3
# Few rows: what is measured here is the service.
for site in cleveland hungarian switzerland va; do head -n 61 $site.csv >short && mv short $site.csv; done
jq 'del(.data[].sha256)' manifest.json >short && mv short manifest.json
/usr/bin/python3 - <<'PY'
import json, math
learner = json.load(open("model.json"))["learner"]
w = learner["gradient_booster"]["model"]["weights"]
base = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
json.dump({"w": w[:-1], "b": w[-1] + math.log(base / (1 - base))}, open("served.json", "w"))
PY
mkdir secret
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout key.pem -out cert.pem >"$dir/out" 2>"$dir/err"
report $? 'a certificate of its own'
echo run-token-0123456789 >secret/run
echo probe-token-0123456789 >secret/probe
cp manifest.json plain.json

down() { # ends the service, which ends when its input does
    [ -n "$service" ] || return 0
    exec 9>&-
    wait "$service" 2>/dev/null
    service=
}
# up FAULT...: the service; the manifest names it
up() {
    down
    rm -f port clear alerts.jsonl pipe
    mkfifo pipe
    /usr/bin/python3 "$root/test/support/endpoint.py" . served.json "$@" <pipe >"$dir/service" 2>&1 &
    service=$!
    exec 9>pipe
    while [ ! -s port ]; do
        kill -0 "$service" 2>/dev/null || { cat "$dir/service" >&2; return 1; }
        sleep 0.05
    done
    scheme=https
    case " $* " in *" no_tls "*) scheme=http ;; esac
    jq --arg url "$scheme://127.0.0.1:$(cat port)" --argjson clear "$(cat clear)" '.endpoint = {url: $url, model: "m", token_file: "secret/run",
        ca_file: "cert.pem", missing_value: -1, clear_text_ports: [$clear], limit_s: 300,
        probe: {account: "probe", questions: 120, token_file: "secret/probe", alert_log: "alerts.jsonl", alert_within_s: 1}}' plain.json >manifest.json
}
# run NAME ARGS...: its summary is NAME/summary.json
run() {
    name=$1
    shift
    rm -rf "$name"
    "$amane" bench run --record version.json --data manifest.json --out "$name" "$@" >"$dir/out" 2>"$dir/err"
}
# is NAME FILTER WHAT: of the summary of NAME; m(row; name; group) is a measure, v(row; level) a verdict
is() {
    jq -e 'def m(r; n; g): first(.measures[] | select(.row == r and .name == n and .group == g));
        def e(r; n): m(r; n; "").estimate; def v(r; l): first(.requirements[] | select(.id == r and .level == l)); '"$2" "$1/summary.json" >"$dir/got" 2>>"$dir/err"
    code=$?
    [ $code = 0 ] || { cat "$dir/got"; jq -c '.measures[] | select(.row | test("CY-[126]")) | [.row, .name, .group, .estimate, .ci_method]' "$1/summary.json" | grep -v copy_agreement; } >>"$dir/err"
    report $code "$3"
}

run none --model model.json
report $? 'a run without an endpoint'
is none '[v("CY-1"; "base"), v("CY-2"; "advanced"), v("CY-6"; "advanced")] | all(.verdict == "not_applicable" and .reason == "no_network_endpoint")' \
    'no endpoint: its rows do not apply, for the reason the matrix accepts'

up tls13 && run good --model model.json
report $? 'a careful service, beside the file'
is good 'e("CY-1"; "unauthenticated_accepted") == 0 and e("CY-1"; "default_credentials") == 0 and v("CY-1"; "base").verdict == "pass"' 'nobody gets in without the token'
is good 'e("CY-2"; "tls_version") == 1.3 and e("CY-2"; "clear_text_ports") == 0 and e("CY-2"; "certificate_trusted") == 1 and v("CY-2"; "advanced").verdict == "pass"' 'TLS 1.3 alone, no port in clear'
is good 'e("CY-6"; "rate_limit_active") == 1 and e("CY-6"; "output_decimals") == 3 and e("CY-6"; "alert_before_queries_per_day_per_account") <= 400 and v("CY-6"; "advanced").verdict == "pass"' 'limited, rounded, and the alert came in time'
is good 'e("CY-6"; "deployed_decision_agreement") == 1 and e("CY-6"; "deployed_score_difference") < 0.0006' 'what answers is the model of the file'
! grep -rqF -e run-token -e probe-token good "$dir/out" "$dir/err"
report $? 'no token in what is written'

# A file that is not the record's: nothing is measured of it, and the service is asked all the same.
jq . model.json >other.json
up no_auth clear_port no_limit && run open --model other.json
is open 'e("CY-1"; "unauthenticated_accepted") > 0 and v("CY-1"; "base").verdict == "fail" and v("CY-1"; "base").param == "unauthenticated_accepted"' 'no authentication: CY-1 is red for it'
is open 'e("CY-2"; "clear_text_ports") == 1 and v("CY-2"; "base").verdict == "fail" and v("CY-2"; "base").param == "clear_text_ports"' 'a port in clear: CY-2 is red for it'
is open 'e("CY-2"; "tls_version") == 1.2 and e("CY-6"; "rate_limit_active") == 0 and v("CY-6"; "advanced").verdict == "fail" and v("CY-6"; "advanced").param == "rate_limit_active"' 'no rate limit: CY-6 is red for it'
up default_password old_tls no_alert no_limit leak && jq '.endpoint.probe.questions = 1000' manifest.json >m2 && mv m2 manifest.json && run loose --model other.json
is loose 'e("CY-1"; "default_credentials") > 0 and e("CY-1"; "unauthenticated_accepted") == 0 and v("CY-1"; "base").param == "default_credentials"' 'the password of delivery: CY-1 is red for it'
is loose 'e("CY-2"; "tls_version") < 1.2 and v("CY-2"; "base").verdict == "fail" and v("CY-2"; "base").param == "tls_version"' 'an old version of TLS: CY-2 is red for it'
is loose 'e("CY-6"; "alert_before_queries_per_day_per_account") == 1001 and v("CY-6"; "advanced").verdict == "fail"' 'no alert in a thousand questions: CY-6 is red'
is loose 'e("CY-1"; "answers_that_leak") > 0' 'a stack trace is seen'
up digits && run digits --model other.json
is digits 'e("CY-6"; "output_decimals") > 3 and v("CY-6"; "advanced").verdict == "fail" and v("CY-6"; "advanced").param == "output_decimals" and v("CY-2"; "base").verdict == "pass"' 'all the digits: CY-6 is red for it'
up swap leak_rows && run swap --model other.json
is swap 'e("CY-1"; "answers_for_other_rows") > 0' 'rows that are given the score of another are counted'
is swap 'e("CY-1"; "answers_that_leak") > 0' 'values of rows asked before, in an error, are a leak'
is good 'e("CY-1"; "answers_for_other_rows") == 0 and e("CY-1"; "answers_that_leak") == 0' 'a careful service does neither'
up no_tls && run wire --model other.json
is wire 'e("CY-2"; "tls_version") == 0 and e("CY-2"; "clear_text_ports") == 1 and v("CY-2"; "base").verdict == "fail"' 'no TLS: CY-2 is red'
up && echo wrong-token >secret/run && run stranger --model other.json
is stranger 'e("CY-1"; "unauthenticated_accepted") == null and v("CY-1"; "base").verdict == "insufficient"' 'who is never let in has not shown that others are kept out'
echo run-token-0123456789 >secret/run

up && jq ".endpoint.limit_s = 8" manifest.json >m2 && mv m2 manifest.json && run served --endpoint # the attacks would ask for long
report $? 'a run through the endpoint alone'
is served 'm("PF-1"; "auc"; "").estimate > 0.5 and e("ID-2"; "file_hash_match") == null and v("ID-2"; "base").verdict == "insufficient" and .level == "none"' 'measured, and without a label: nobody saw the weights'
is served '[.warnings[].code] | contains(["bench.served"])' 'which is said'
jq -e --slurpfile g good/summary.json '([.measures[] | select(.row == "PF-1" and .name == "auc" and .group == "")][0].estimate) as $a |
    ([$g[0].measures[] | select(.row == "PF-1" and .name == "auc" and .group == "")][0].estimate) as $b | (($a - $b) | fabs) < 0.05' served/summary.json >"$dir/out" 2>>"$dir/err"
report $? 'its area is that of the file but for the rounding and the rows a file can take'

# again VERB FOLDER ARGS...
again() {
    verb=$1 folder=$2
    shift 2
    "$amane" bench "$verb" "$folder" --json "$@" >"$dir/out" 2>"$dir/err"
}
down # nobody answers any more, and the tokens are gone
mv secret away
cp good/manifest.json m-good.json
again verify good --data m-good.json && jq -e '.ok and any(.families[]; .family == "endpoint" and .measures > 15 and .equal == .measures)' "$dir/out" >/dev/null
report $? 'verify: the numbers of the family follow from what was noted, and nobody is called'
jq -e 'any(.warnings[]; .code == "kept.observed" and .path == "evidence-endpoint.json")' "$dir/out" >/dev/null
report $? 'which are observations, it says'
cp served/manifest.json m-served.json
again verify served --data m-served.json && jq -e '.ok and all(.families[]; .equal == .measures) and ([.families[].measures] | add) > 200' "$dir/out" >/dev/null
report $? 'verify of a run through the endpoint: every number of every family, from what it answered'
again verify served && jq -e '.ok and any(.families[]; .family == "performance" and .equal == .measures)' "$dir/out" >/dev/null
report $? 'and from the scores alone'
cp -r good altered && sed -i 's/"estimate": 1.3,/"estimate": 1.2,/' altered/evidence-endpoint.json
again verify altered/evidence-endpoint.json --data m-good.json
[ $? = 1 ] && jq -e 'any(.problems[]; .code == "kept.differs" and (.detail | contains("tls_version")))' "$dir/out" >/dev/null
report $? 'a version of TLS altered in the evidence is found'
rm -rf altered && cp -r good altered && printf 'x' | dd of=altered/answers-endpoint.bin bs=1 seek=2000 conv=notrunc 2>/dev/null
again verify altered --data m-good.json
[ $? = 1 ] && jq -e 'any(.problems[]; .path | startswith("evidence-endpoint.json"))' "$dir/out" >/dev/null
report $? 'a note altered is found'
mv away secret

# hostile KIND FAULT: the run ends, the fault has its name, nothing is measured of the model
hostile() {
    up "$2" && jq '.endpoint.timeout_ms = 300 | .endpoint.limit_s = 20' manifest.json >m2 && mv m2 manifest.json && run bad --endpoint
    report $? "$2: the run goes on"
    is bad '(m("CY-1"; "faults"; "fault='"$1"'") | .estimate > 0'"$3"') and m("PF-1"; "auc"; "").estimate == null' "$2: is a finding by its name"
}
hostile malformed shape ' and .ci_method == "shape"'
hostile late hang
up nan && jq ".endpoint.limit_s = 8" manifest.json >m2 && mv m2 manifest.json && run nan --endpoint
report $? 'nan: the run goes on'
is nan 'm("PF-1"; "auc"; "").estimate == null' 'nan: no score is made of it'

# refused FILTER CODE NAME
refused() {
    jq "$1" manifest.json >m2 && mv m2 manifest.json
    "$amane" bench run --record version.json --data manifest.json --model model.json --out never --json >"$dir/out" 2>"$dir/err"
    [ $? = 1 ] && [ ! -e never ] && jq -e --arg c "$2" 'any(.problems[]; .code == $c)' "$dir/out" >/dev/null
    report $? "$3"
}
up && refused '.endpoint.token_file = "../case/secret/run"' bench.endpoint_file 'a token file outside the folder is not read'
up && refused '.endpoint.token_file = "version.json"' bench.endpoint_file 'a file that is no token is not sent away'
up && refused '.endpoint.url = "https://127.0.0.1:99999"' bench.endpoint_url 'an address that is none'
up && refused '.endpoint.url = "file:///etc/passwd"' schema.pattern 'another scheme'
up && jq '.data[0].path = "sealed:s/cleveland"' manifest.json >m2 && mv m2 manifest.json
run never --endpoint
[ $? = 1 ] && grep -qF '[bench.endpoint_sealed]' "$dir/err"
report $? 'a sealed set is not sent to the service of its vendor'
cp plain.json manifest.json
run never --endpoint
[ $? = 1 ] && grep -qF '[bench.endpoint_missing]' "$dir/err"
report $? 'neither a file nor an endpoint'

# a run and a worker share a folder, each asks the service with its own token file; who did what changes no byte
down
for site in cleveland hungarian switzerland va; do head -n 9 $site.csv >short && mv short $site.csv; done
mkdir other && cp -r version.json plain.json cert.pem ./*.csv served.json other/ && mkdir other/secret && cp secret/* other/secret/
up no_limit && jq 'del(.endpoint.probe)' manifest.json >m2 && mv m2 manifest.json && cp manifest.json other/
found() { jq -S '[.measures[] | select(.row | test("CY-[126]") | not)]' "$1/summary.json" && cat "$1/scores.csv"; }
run alone --endpoint --jobs 1 --no-report
report $? 'a run through the endpoint by one process'
(cd other && exec "$amane" bench work --record version.json --data manifest.json --endpoint --queue "$dir/queue" --jobs 1) >"$dir/work" 2>&1 &
works=$!
run shared --endpoint --jobs 1 --no-report --queue "$dir/queue"
report $? 'a run with a worker beside it that asks the service too'
wait $works
report $? 'the worker ends when all is done'
found alone >"$dir/a" && found shared >"$dir/b" && cmp "$dir/a" "$dir/b" >"$dir/err" 2>&1
report $? 'they find the same bytes'
[ "$(find "$dir/queue" -name '*.json' | wc -l)" -gt 20 ] && ! grep -rqF -e run-token -e probe-token "$dir/queue" shared "$dir/work"
report $? 'and no token is in the folder they share'
"$amane" bench work --record version.json --data manifest.json --endpoint --model model.json --queue "$dir/queue" >"$dir/out" 2>"$dir/err"
[ $? = 2 ]
report $? 'a worker asks a file or a service, not both'
down
report_end
