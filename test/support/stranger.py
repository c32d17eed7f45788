#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a copy of the log as a stranger would, without Amane: stranger.py COPY GENESIS policy|signatures.

policy: prints the quorum as a C2SP tlog-policy, from the genesis alone. signatures: every entry is a
Rekor v2 dsse body whose ECDSA signature openssl accepts over the DSSE pre-authentication encoding of
the payload stored under its hash; every payload is canonical JSON.
"""
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile


def blob(copy, digest):
    data = open("%s/blobs/sha256/%s/%s" % (copy, digest[:2], digest[2:]), "rb").read()
    if hashlib.sha256(data).hexdigest() != digest:
        raise SystemExit("blob %s does not hash to its name" % digest)
    return data


def entries(copy):
    size = int(open(copy + "/log/checkpoint").read().split("\n")[1])
    for tile in range((size + 255) // 256):
        width = min(256, size - tile * 256)
        path = "%s/log/tile/entries/%03d" % (copy, tile) + (".p/%d" % width if width < 256 else "")
        data, at = open(path, "rb").read(), 0
        while at < len(data):
            n = struct.unpack(">H", data[at:at + 2])[0]
            yield data[at + 2:at + 2 + n]
            at += 2 + n


def policy(copy, genesis):
    record = json.loads(blob(copy, genesis))["predicate"]
    quorum = json.loads(blob(copy, record["policy_sha256"]))["quorum"]
    print("log " + record["log_key"])
    for w in record["witnesses"]:
        print("witness %s %s" % (w["name"], w["vkey"]))
    for g in quorum["groups"]:
        print("group %s %s %s" % (g["name"], g["k"], " ".join(g["of"])))
    print("quorum " + quorum["quorum"])


def canonical(data):
    return json.dumps(json.loads(data), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def signatures(copy):
    good = 0
    with tempfile.TemporaryDirectory() as tmp:
        for i, leaf in enumerate(entries(copy)):
            v = json.loads(leaf)
            if canonical(leaf) != leaf or (v["apiVersion"], v["kind"]) != ("0.0.2", "dsse"):
                raise SystemExit("entry %d is no canonical dsse 0.0.2 body" % i)
            spec = v["spec"]["dsseV002"]
            payload = blob(copy, base64.b64decode(spec["payloadHash"]["digest"]).hex())
            if len(spec["signatures"]) != 1:
                raise SystemExit("entry %d has not exactly one signature" % i)
            sig = spec["signatures"][0]
            kind = b"application/vnd.in-toto+json"
            pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
            for name, data in (("key", base64.b64decode(sig["verifier"]["publicKey"]["rawBytes"])),
                               ("sig", base64.b64decode(sig["content"])), ("pae", pae)):
                open(os.path.join(tmp, name), "wb").write(data)
            subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER", "-in", tmp + "/key", "-pubout", "-out", tmp + "/pem"],
                           check=True, stderr=subprocess.DEVNULL)
            p = subprocess.run(["openssl", "dgst", "-sha256", "-verify", tmp + "/pem", "-signature", tmp + "/sig", tmp + "/pae"],
                               stdout=subprocess.DEVNULL)
            if p.returncode:
                raise SystemExit("openssl refuses the signature of entry %d" % i)
            good += 1
    print("%d signatures" % good)


if __name__ == "__main__":
    if sys.argv[3] == "policy":
        policy(sys.argv[1], sys.argv[2])
    else:
        signatures(sys.argv[1])
