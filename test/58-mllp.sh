#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# HL7 v2 over MLLP into a node: acknowledged when durable, also after kill -9; refusals with their reason, kept; enhanced mode;
# strangers, long messages, many connections. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
dir=$(mktemp -d) || exit 3
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
unset LC_ALL LC_MESSAGES LANG LANGUAGE
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
cd "$dir" || exit 3
jq '.zone = "+01:00"' "$root/mapping/hl7v2.json" >map.json
ports=$(/usr/bin/python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in held))') || exit 3
# shellcheck disable=SC2086 # two numbers
set -- $ports
http=$1 mllp=$2
start() {
    AMANE_MLLP=127.0.0.1:$mllp AMANE_HL7_MAP=$dir/map.json "$amane" node --data n --listen "127.0.0.1:$http" --open >node.out 2>node.err &
    pid=$!
    for _ in $(seq 100); do
        /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $mllp), 1)" 2>/dev/null && return
        sleep 0.1
    done
}
fhir() { curl -s "http://127.0.0.1:$http/fhir/$1"; }
cat >peer.py <<'PY'
import socket, sys
port = int(sys.argv[1])
def message(n, body="F", kind="ADT^A28", more=""):
    return ("MSH|^~\\&|HIS|CHU|A|B|20260301080000||%s|C%s|P|2.5.1%s\rPID|1||%s^^^IPP^MR||Noël^علي||19800101|%s\r" % (kind, n, more, n, body)).encode()
class Peer:
    def __init__(self):
        self.s = socket.create_connection(("127.0.0.1", port), 20)
        self.s.settimeout(20)
    def send(self, m):
        self.s.sendall(b"\x0b" + m + b"\x1c\r")
    def answer(self):
        got = b""
        while not got.endswith(b"\x1c\r"):
            more = self.s.recv(65536)
            if not more:
                return None
            got += more
        return got[1:-2].decode().split("\r")
    def ask(self, m):
        self.send(m)
        return self.answer()
def code(a):
    return a and [l for l in a if l.startswith("MSA")][0].split("|")[1]
PY
start
cat >basic.py <<'PY'
from peer import *
p = Peer()
a = p.ask(message(1, more="||||||UNICODE UTF-8"))
assert code(a) == "AA" and a[1].split("|")[2] == "C1", a
assert a[0].split("|")[2:6] == ["A", "B", "HIS", "CHU"], a
assert code(p.ask(message(1, more="||||||UNICODE UTF-8"))) == "AA"
a = p.ask(message(2, "X"))
assert code(a) == "AE" and "ERR||PID^1^8|103^" in a[2], a
assert code(p.ask(message(3, kind="ADT^A99"))) == "AR"
assert code(p.ask(b"hello")) == "AR"
assert code(p.ask(message(4, more="|||AL|NE"))) == "CA"
p.send(message(5, more="|||NE|NE"))
assert code(p.ask(message(6))) == "AA"
p.s.sendall(b"\x0b" + message(7)[:30])  # begun anew
assert code(p.ask(message(8))) == "AA"
q = Peer()  # byte by byte
for c in b"\x0b" + message(9) + b"\x1c\r":
    q.s.sendall(bytes([c]))
assert code(q.answer()) == "AA"
PY
/usr/bin/python3 basic.py "$mllp" >out 2>err
report $? 'AA, AE, AR with their reasons, enhanced mode, frames begun anew and byte by byte'
fhir 'Patient?_summary=count' | jq -e '.total == 6' >out && fhir 'Patient?identifier=urn:amane:ma:ipp%7C1' | jq -e '.total == 1 and .entry[0].resource.name[0].given[0] == "علي"' >out
report $? 'each patient is there, once'
"$amane" eds rejected list n/eds.db --key n/keys/eds.key --rejects n/rejected --json >out && jq -e 'length == 3 and ([.[].problems[0].code] | sort) == ["hl7.code", "hl7.msh", "hl7.unmapped"]' out >/dev/null
report $? 'what was refused is kept with its reasons, sealed, and read while the node runs'
cat >hostile.py <<'PY'
from peer import *
crowd = [Peer() for _ in range(70)]
ends = 0
for c in crowd[60:]:
    c.s.settimeout(5)
    try:
        ends += c.s.recv(1) == b""
    except OSError:
        pass
assert ends >= 5, ends
assert code(crowd[0].ask(message(20))) == "AA"
for c in crowd:
    c.s.close()
import time
for _ in range(50):  # until their places are free
    time.sleep(0.1)
    try:
        p = Peer()
        if code(p.ask(message(21))) == "AA":
            break
    except OSError:
        pass
big = message(22) + b"NTE|1||" + b"x" * (17 << 20)
a = p.ask(big)
assert code(a) == "AR", a
assert code(p.ask(message(23))) == "AA"
p.s.sendall(b"\x00" * 100000 + b"\x1c\r\x1c\r")
assert code(p.ask(message(24))) == "AA"
PY
/usr/bin/python3 hostile.py "$mllp" >out 2>err && kill -0 $pid
report $? 'more connections than there are places, a message too long, noise: the others are served'

# ---- acknowledged is durable
cat >stream.py <<'PY'
import os
from peer import *
base = int(sys.argv[2])
p = Peer()
try:
    for i in range(100000):
        a = p.ask(message(base + i))
        if code(a) != "AA":
            break
        os.write(1, b"%d\n" % (base + i))
except OSError:
    pass
PY
: >acked
for round in 1 2; do
    /usr/bin/python3 stream.py "$mllp" ${round}000000 >>acked 2>err &
    a=$!
    /usr/bin/python3 stream.py "$mllp" ${round}500000 >>acked 2>err &
    b=$!
    for _ in $(seq 100); do
        [ "$(wc -l <acked)" -ge $((round * 40)) ] && break
        sleep 0.1
    done
    kill -9 $pid
    wait $pid $a $b 2>/dev/null
    start
done
kill $pid && wait $pid
pid=
"$amane" eds export n/eds.db held --key n/keys/eds.key --reason "of a scenario" --type Patient >out 2>err && jq -r '.identifier[0].value' held/Patient.ndjson | sort >there &&
    sort acked | comm -23 - there >lost && [ "$(wc -l <acked)" -ge 80 ] && [ ! -s lost ] && [ -z "$(uniq -d there)" ]
report $? "killed twice under load: all $(wc -l <acked) acknowledged are there, none twice"
AMANE_MLLP=0.0.0.0:$mllp timeout 20 "$amane" node --data n --listen "127.0.0.1:$http" --open >out 2>err
[ $? = 1 ] && grep -q "0.0.0.0:$mllp" err
report $? 'beyond loopback it does not listen'
# ---- behind a login: as a service
"$amane" node init --data ward --name ward --gst ma-gst-01 --establishment ma-chu-1 >out 2>err &&
    /usr/bin/python3 "$root/test/support/smart.py" keys . && "$amane" node client put --data ward --client his --jwks jwks.json --scope 'system/Patient.crus' >out 2>err
ward() { # called in a process of its own, which becomes the node: what is killed is the node
    exec env AMANE_MLLP=127.0.0.1:$mllp AMANE_HL7_MAP=$dir/map.json AMANE_MLLP_CLIENT=$1 "$amane" node --data ward --listen "127.0.0.1:$http" --genesis "$(printf '%064d' 0)" >node.out 2>node.err
}
(ward nobody)
[ $? = 2 ] && grep -q mllp_client node.err
report $? 'behind a login it wants a service that is registered'
ward his &
pid=$!
cat >ward.py <<'PY'
import subprocess, time
from peer import *
for _ in range(100):
    try:
        p = Peer()
        break
    except OSError:
        time.sleep(0.1)
assert code(p.ask(message(1))) == "AA"
a = p.ask(message(2, kind="ADT^A01", more="\rPV1||I|CARD^101^1||||||||||||||||V1^^^CHU^VN"))
assert code(a) == "AE" and "rest.forbidden" in str(a), a
subprocess.run([sys.argv[2], "node", "client", "close", "--data", "ward", "--client", "his"], check=True)
assert code(p.ask(message(3))) == "AR"
PY
/usr/bin/python3 ward.py "$mllp" "$amane" >out 2>err
report $? 'its scopes hold for messages; one that is closed has no more taken'
kill $pid && wait $pid
pid=
"$amane" node access list --data ward --who his >events 2>err && grep '"code":"create"' events | grep -q Patient || grep '"code":"transaction"' events | grep -q Patient
report $? 'each message is in the record of accesses, with its service'
report_end
