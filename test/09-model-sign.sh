#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Weights signed after OpenSSF Model Signing 1.0: ours judged by openssl, openssl's judged by us (three curves, a chain), and
# what was changed refused. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
. "$root/test/support/tap.sh"
refused() { # refused NAME WHAT...: exit 1
    name=$1
    shift
    "$@" >out 2>err
    [ $? = 1 ] && grep -q '\[oms\.' err
    report $? "$name"
}
mkdir -p m/sub m/.git
printf 'weights' >m/b.bin
printf '{}' >m/a.json
printf 'x' >m/sub/c
printf 'secret' >m/.git/x
"$amane" key new --out k.key >/dev/null
"$amane" model sign m --key k.key --out m/model.sig
report $? 'a folder is signed'
# The very bytes, taken apart by another program.
/usr/bin/python3 - m/model.sig <<'PY'
import base64, hashlib, json, sys
b = json.load(open(sys.argv[1]))
p = base64.b64decode(b["dsseEnvelope"]["payload"])
t = b["dsseEnvelope"]["payloadType"].encode()
open("pae", "wb").write(b"DSSEv1 %d %s %d %s" % (len(t), t, len(p), p))
open("sig", "wb").write(base64.b64decode(b["dsseEnvelope"]["signatures"][0]["sig"]))
s = json.loads(p)
names = [r["name"] for r in s["predicate"]["resources"]]
assert names == sorted(names) == ["a.json", "b.bin", "sub/c"], names
root = hashlib.sha256(b"".join(hashlib.sha256(open("m/" + x, "rb").read()).digest() for x in names)).hexdigest()
assert s["subject"] == [{"name": "m", "digest": {"sha256": root}}], s["subject"]
PY
report $? 'its manifest and its root digest are those of the specification'
openssl dgst -sha256 -verify k.key.pub -signature sig pae >/dev/null
report $? 'openssl verifies the signature'
"$amane" model verify m --signature m/model.sig --key k.key.pub
report $? 'the folder verifies'
cp -r m copy
printf 'W' >copy/b.bin
refused 'a changed byte is refused' "$amane" model verify copy --signature m/model.sig --key k.key.pub
cp m/b.bin copy/b.bin
printf 'y' >copy/more
refused 'a file more is refused' "$amane" model verify copy --signature m/model.sig --key k.key.pub
rm copy/more copy/a.json
refused 'a file less is refused' "$amane" model verify copy --signature m/model.sig --key k.key.pub
cp m/a.json copy/a0.json
refused 'a file renamed in the same order is refused' "$amane" model verify copy --signature m/model.sig --key k.key.pub
mv copy/a0.json copy/a.json
ln -s b.bin copy/link
refused 'a link is refused' "$amane" model verify copy --signature m/model.sig --key k.key.pub
openssl ecparam -name prime256v1 -genkey -noout -out other.pem 2>/dev/null
openssl ec -in other.pem -pubout -out other.pub 2>/dev/null
refused 'another key is refused' "$amane" model verify m --signature m/model.sig --key other.pub
sed 's/bundle.v0.3/bundle.v9.9/' m/model.sig >wrong.sig
refused 'another media type is refused' "$amane" model verify m --signature wrong.sig --key k.key.pub
mv m/model.sig ours.sig # beside the folder from here on
# Signed by openssl, with each curve the format allows.
envelope() { # envelope MATERIAL-JSON: sig -> foreign.sig
    /usr/bin/python3 - "$1" <<'PY'
import base64, json, sys
b = json.load(open("ours.sig"))
b["dsseEnvelope"]["signatures"][0] = {"sig": base64.b64encode(open("sig", "rb").read()).decode()}
b["verificationMaterial"] = json.loads(sys.argv[1])
json.dump(b, open("foreign.sig", "w"))
PY
}
for curve in prime256v1:sha256 secp384r1:sha384 secp521r1:sha512; do
    name=${curve%:*}
    openssl ecparam -name "$name" -genkey -noout -out f.pem 2>/dev/null
    openssl ec -in f.pem -pubout -out f.pub 2>/dev/null
    openssl dgst "-${curve#*:}" -sign f.pem -out sig pae
    envelope '{"publicKey": {"hint": "x"}}'
    "$amane" model verify m --signature foreign.sig --key f.pub
    report $? "a signature made by openssl with $name verifies"
    openssl dgst "-${curve#*:}" -sign other.pem -out sig pae
    envelope '{"publicKey": {"hint": "x"}}'
    refused "and not one of another key ($name)" "$amane" model verify m --signature foreign.sig --key f.pub
done
# A certificate under a root.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=root 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout leaf.key -out leaf.csr -subj /CN=vendor 2>/dev/null
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 -out leaf.pem 2>/dev/null
openssl dgst -sha384 -sign leaf.key -out sig pae
chain=$(openssl x509 -in leaf.pem -outform DER | base64 -w0)
envelope "{\"x509CertificateChain\": {\"certificates\": [{\"rawBytes\": \"$chain\"}]}}"
"$amane" model verify m --signature foreign.sig --roots ca.pem
report $? 'a signature under a trusted certificate verifies'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca2.key -out ca2.pem -days 30 -subj /CN=root 2>/dev/null
refused 'and not under a root that did not sign it' "$amane" model verify m --signature foreign.sig --roots ca2.pem
refused 'nor without any trust' "$amane" model verify m --signature foreign.sig --key f.pub
report_end
