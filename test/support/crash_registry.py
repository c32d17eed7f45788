#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the registry at random points while statements come in: crash_registry.py DEMO_DIR ROUNDS SEED.

Nothing acknowledged may be missing, moved or changed; the log must verify after every tenth crash.
"""
import base64
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time

from world import Tap, World, call


def envelopes(world, folder, count):
    """Signed key_grant events, one per fresh key, made before the race."""
    made = []
    key = folder + "/actors/msps.key"
    for i in range(count):
        pub = "%s/crash-%d.key" % (folder, i)
        subprocess.run([world.amane, "key", "new", "--out", pub], check=True, stdout=subprocess.DEVNULL)
        pem = open(pub + ".pub").read()
        spki = "".join(x for x in pem.splitlines() if not x.startswith("-"))
        base64.b64decode(spki)
        record = {"issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                  "issuer": {"role": "msps", "org_id": "MSPS"}, "type": "key_grant",
                  "key": {"role": "auditor", "org_id": "AUDIT%d" % i, "label": "Auditor", "spki": spki}}
        path = "%s/crash-%d.json" % (folder, i)
        json.dump(record, open(path, "w"))
        out = path + ".dsse"
        subprocess.run([world.amane, "sign", path, "--key", key, "--kind", "event", "--type-base",
                        world.w["type_base"], "--out", out], check=True, stdout=subprocess.DEVNULL)
        made.append(open(out).read())
        os.unlink(pub)
        os.unlink(pub + ".pub")
        os.unlink(path)
    return made


def main(folder, rounds, seed):
    rnd = random.Random(seed)
    world, tap = World(folder), Tap()
    print("# seed %d" % seed)
    todo = envelopes(world, folder, rounds * 2 + 8)
    acked = {}
    lock = threading.Lock()
    lost = moved = verified = 0

    def send(port, mine):
        for e in mine:
            try:
                status, v = call(port, "POST", "/api/v1/events", e)
            except (OSError, http.client.HTTPException):
                return
            if status == 201:
                with lock:
                    acked[v["payload_sha256"]] = v["index"]
            elif status == 409:  # logged before the crash, answer lost: fine
                pass

    for r in range(rounds):
        s = world.registry()
        batch = rnd.sample(todo, 8)
        threads = [threading.Thread(target=send, args=(s.port, batch[i::4])) for i in range(4)]
        for t in threads:
            t.start()
        time.sleep(rnd.random() * 0.06)
        s.kill()
        for t in threads:
            t.join()
        if r % 10 == 9 or r == rounds - 1:
            s = world.registry()
            for sha, index in acked.items():
                status, v = call(s.port, "GET", "/api/v1/statements/%d" % index)
                if status != 200:
                    lost += 1
                elif v["payload_sha256"] != sha:
                    moved += 1
            s.stop()
            verified += 1
            p = subprocess.run([world.amane, "log", "verify", world.w["registry"]["dir"], "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            v = json.loads(p.stdout)
            # Cosignatures cannot be complete here: the witnesses are not running.
            bad = [x for x in v["problems"] if "cosign" not in x["code"] and "quorum" not in x["code"]]
            if bad:
                tap.ok(False, "the log verifies after crash %d: %s" % (r + 1, bad[:2]))
    tap.ok(lost == 0, "%d kills: none of %d acknowledged statements is missing" % (rounds, len(acked)))
    tap.ok(moved == 0, "%d kills: none of them moved or changed" % rounds)
    tap.ok(len(acked) > rounds / 10, "the race was a race: %d statements were acknowledged" % len(acked))
    tap.ok(verified > 0, "the log verified after %d of the crashes" % verified)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
