#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deploy/nginx/amane.conf, as it is shipped but for its five SET lines, in front of a server made of src/http:
# the 14 malformed requests are refused there or come out as one fresh well-formed request. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
echo_server=$(dirname "${AMANE:-$root/build/amane}")/http_echo
nginx=$root/.deps/nginx/usr/sbin/nginx
[ -x "$nginx" ] || nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
[ -n "$nginx" ] || { echo 'ok 1 - nginx edge # SKIP nginx absent'; exit 0; }
dir=$(mktemp -d) || exit 3
started=
finish() {
    # shellcheck disable=SC2086 # a list of process ids
    [ -z "$started" ] || kill $started 2>/dev/null
    wait
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 3' INT TERM

mkfifo "$dir/hold"
"$echo_server" --behind-proxy <"$dir/hold" >"$dir/echo_port" 2>"$dir/echo.log" &
started=$!
exec 3>"$dir/hold" # the echo server ends with us
ports=$(/usr/bin/python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in held))') || exit 3
# shellcheck disable=SC2086 # three numbers
set -- $ports
tls=$1 plain=$2 recorder=$3
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=a \
    -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null || exit 3
sed -e "s/127.0.0.1:8080;/127.0.0.1:$recorder;/" -e "s/listen 80/listen 127.0.0.1:$plain/" \
    -e "s/listen 443/listen 127.0.0.1:$tls/" -e "s,/etc/amane/tls,$dir," -e 's/amane\.example/a/' \
    -e "s,/var/log/nginx,$dir," \
    "$root/deploy/nginx/amane.conf" >"$dir/amane.conf"
cat >"$dir/nginx.conf" <<END
daemon off;
master_process off; # one process of ours to end, also when run as root
pid $dir/nginx.pid;
error_log $dir/error.log info;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
    uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
    include $dir/amane.conf;
}
END
if ! "$nginx" -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf" -t >"$dir/out" 2>&1; then
    echo 'not ok 1 - nginx accepts the configuration'
    sed 's/^/# /' "$dir/out"
    exit 1
fi
"$nginx" -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf" >"$dir/out" 2>&1 &
started="$started $!"
i=0
while [ $i -lt 600 ] && [ ! -s "$dir/echo_port" ]; do sleep 0.1; i=$((i + 1)); done
/usr/bin/python3 "$root/test/support/nginx_edge.py" "$tls" "$recorder" "$(cat "$dir/echo_port")" >"$dir/tap"
status=$?
cat "$dir/tap"
n=$(($(grep -cE '^(ok|not ok)' "$dir/tap") + 1))
location=$(curl -s -o /dev/null -m 5 --resolve "a:$plain:127.0.0.1" -w '%{http_code} %{redirect_url}' "http://a:$plain/x?y")
[ "$location" = '308 https://a/x?y' ] && echo "ok $n - plain HTTP is sent to HTTPS" ||
    echo "not ok $n - plain HTTP is sent to HTTPS: $location"
curl -sk -o /dev/null -m 5 --resolve "a:$tls:127.0.0.1" "https://a:$tls/fhir/Patient?name=Benjelloun"
n=$((n + 1))
if grep -q 'GET /fhir/Patient HTTP' "$dir/access.log" && ! grep -q Benjelloun "$dir/access.log"; then
    echo "ok $n - the log has the request without whom it names"
else
    echo "not ok $n - the log has the request without whom it names"
    bad=1
    tail -n 3 "$dir/access.log" | sed 's/^/# /'
fi
if [ -n "$bad" ] || grep -q '^not ok' "$dir/tap" || [ "$status" != 0 ]; then
    tail -n 20 "$dir/error.log" | sed 's/^/# /'
    exit 1
fi
