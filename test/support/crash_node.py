#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a node at random points while predictions and validations come in.

crash_node.py DEMO_DIR ROUNDS SEED. The registry is away the whole time: the node works on its lease. No
output without trace, no trace without output, no double validation, nothing acknowledged is lost.
"""
import http.client
import json
import random
import struct
import sys
import threading
import time

from world import Tap, World, call


def trace_entries(port):
    """Every leaf of the node's trace log, from its published files."""
    _, note = call(port, "GET", "/trace/checkpoint")
    size = int(note.split(b"\n")[1])
    leaves = []
    for tile in range((size + 255) // 256):
        width = min(256, size - tile * 256)
        path = "/trace/tile/entries/%03d" % tile + (".p/%d" % width if width < 256 else "")
        status, data = call(port, "GET", path)
        if status != 200:
            raise RuntimeError(path)
        if isinstance(data, (dict, list)):
            raise RuntimeError("not a bundle")
        at = 0
        while at < len(data):
            n = struct.unpack(">H", data[at:at + 2])[0]
            leaves.append(json.loads(data[at + 2:at + 2 + n]))
            at += 2 + n
    return leaves


def all_predictions(port, token):
    items, before = [], ""
    while True:
        _, v = call(port, "GET", "/api/v1/predictions?limit=500" + before, token=token)
        items += v["items"]
        if "next" not in v:
            return items
        before = "&before=%d" % v["next"]


def main(folder, rounds, seed):
    rnd = random.Random(seed)
    world, tap = World(folder), Tap()
    print("# seed %d" % seed)
    node = world.w["nodes"][0]
    token = node["physician_token"]
    acked, verdicts = set(), {}
    lock = threading.Lock()
    odd = []

    def work(port, requests):
        for q in requests:
            try:
                status, v = call(port, "POST", "/api/v1/predictions", q, token)
                if status != 201:
                    odd.append((status, v))
                    return
                with lock:
                    acked.add(v["id"])
                outcome = {"outcome": "accepted"}
                status, w = call(port, "POST", "/api/v1/predictions/%s/validation" % v["id"], outcome, token)
                if status == 201:
                    with lock:
                        verdicts[v["id"]] = w["outcome"]
            except (OSError, http.client.HTTPException):
                return

    for r in range(rounds):
        s = world.node(0)
        threads = [threading.Thread(target=work, args=(s.port, rnd.choices(node["requests"], k=6))) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(rnd.random() * 0.25)
        s.kill()
        for t in threads:
            t.join()
    s = world.node(0)
    items = all_predictions(s.port, token)
    leaves = trace_entries(s.port)
    known = {x["id"]: x for x in items}
    tap.ok(not odd, "every prediction was answered or died with the node %s" % odd[:1])
    tap.ok(all(i in known for i in acked), "%d kills: none of %d acknowledged predictions is missing" % (rounds, len(acked)))
    tap.ok(all(known.get(i, {}).get("status") == o for i, o in verdicts.items()),
           "none of %d acknowledged validations is missing" % len(verdicts))
    tap.ok(all("index" in x["trace"] for x in items), "no output without trace (%d outputs)" % len(items))
    tap.ok(all(leaves[x["trace"]["index"]]["commit"] == x["trace"]["commit"] for x in items if "index" in x["trace"]),
           "each output's commitment is at its index")
    kinds = [x["kind"] for x in leaves]
    commits = [x["commit"] for x in leaves]
    tap.ok(kinds.count("prediction") == len(items), "no trace without output (%d commitments of predictions)" % kinds.count("prediction"))
    tap.ok(kinds.count("validation") == sum("validation" in x for x in items), "one commitment for each validation")
    tap.ok(len(set(commits)) == len(commits), "no commitment stands twice in the trace")
    tap.ok(len(acked) > rounds / 4, "the race was a race: %d predictions were acknowledged" % len(acked))
    # Two verdicts on one output at once: one wins.
    status, v = call(s.port, "POST", "/api/v1/predictions", node["requests"][0], token)
    got = []
    both = [{"outcome": "accepted"}, {"outcome": "refused", "reason_code": "clinical_context"}] * 4

    def judge(body):
        got.append(call(s.port, "POST", "/api/v1/predictions/%s/validation" % v["id"], body, token)[0])

    threads = [threading.Thread(target=judge, args=(b,)) for b in both]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.ok(sorted(got) == [201] + [409] * 7, "eight verdicts at once: one is taken, seven are told it is done")
    tap.ok(s.stop() == 0, "the node drains and ends cleanly")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
