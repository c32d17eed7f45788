#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clock_duties.py DEMO_DIR LIBFAKETIME: a year goes by for a whole country, and the registry states what is due.

The clocks of the registry and of its witnesses move together, as time does: what the automaton states rests on
cosigned time. It must say each thing once, by its own key, also when started again, and nothing early.
"""
import json
import os
import sys
import time

from clock_jumps import Clock
from faults_servers import Country, until
from world import Tap, call, second_fold


class Year(Country):
    def move(self, clock, offset):
        """The clocks jump; waits for a cosigned checkpoint of that time at every node, and a round after it."""
        clock.jump(offset)
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * int(offset[1:-1])))
        seen = until(lambda: all(self.state(i)["lease_at"] >= day for i in range(len(self.nodes))))
        before = self.state(0)["lease_at"]
        return seen and until(lambda: self.state(0)["lease_at"] > before) and self.settled()

    def version(self):
        v = call(self.reg.port, "GET", "/api/v1/versions/" + self.w["model_digest"])[1]
        return v["version"]

    def stated(self, since):
        """What the service key has stated from that index on; a node's own checkpoints come when they come."""
        size = self.log_size(self.reg.port)[0]
        found = [call(self.reg.port, "GET", "/api/v1/statements/%d" % i)[1] for i in range(since, size)]
        return [x for x in map(json.dumps, found) if '"system"' in x and '"node_checkpoint"' not in x]


def main(folder, lib):
    c, tap = Year(folder), Tap()
    clock = Clock(folder + "/country.clock")
    c.end()
    os.environ["AMANE_REFRESH_S"] = "1"
    c.nodes = [clock.start(lib, lambda i=i: c.node(i)) for i in range(len(c.w["nodes"]))]
    c.reg = clock.start(lib, c.registry)
    try:
        tap.ok(c.settled(), "all is cosigned and mirrored before time goes by")
        first, history = c.log_size(c.reg.port)[0], c.version()["history"]
        for offset in ("+20d", "+360d"):
            tap.ok(c.move(clock, offset), "%s: cosigned at that time, mirrored" % offset)
            tap.ok(c.version()["state"] == "labelled" and not c.stated(first), "nothing is due yet")
        tap.ok(c.move(clock, "+370d"), "a year and five days: cosigned, mirrored")
        tap.ok(until(lambda: c.version()["state"] == "expired"), "the label has expired, by a statement")
        tap.ok(len(c.stated(first)) == 1 and '"expiry"' in c.stated(first)[0], "which the service key signed, once")
        tap.ok(c.version()["history"][:-1] == history, "it is the newest line of the model's history")
        c.reg.stop()
        c.reg = clock.start(lib, c.registry)
        tap.ok(c.move(clock, "+400d"), "a month more, the registry started again: cosigned, mirrored")
        tap.ok(len(c.stated(first)) == 1, "and nothing is said twice")
        tap.ok(c.settled(), "every node has read it")
    finally:
        ended = c.end()
    tap.ok(ended == [0] * len(ended), "all servers stop when told %s" % ended)
    second_fold(tap, folder + "/registry")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
