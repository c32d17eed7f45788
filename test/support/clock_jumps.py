#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clock_jumps.py DEMO_DIR LIBFAKETIME: the registry's and one node's wall clock are moved while they run.

What must hold: waiting goes by the monotonic clock, so nothing stalls; the registry takes no statement dated
ahead of its own clock; a node whose clock jumps ends its lease rather than stretch it (lifecycle.md, section 8).
"""
import os
import sys
import time

from faults_servers import Country, codes, until
from world import Tap, call


class Clock:
    """A wall clock of one server, moved by writing an offset into a file."""

    def __init__(self, path):
        self.path = path
        self.jump("+0")

    def jump(self, offset):
        with open(self.path + ".new", "w") as f:
            f.write(offset + "\n")
        os.rename(self.path + ".new", self.path)

    def start(self, lib, make):
        os.environ.update(LD_PRELOAD=lib, FAKETIME_TIMESTAMP_FILE=self.path, FAKETIME_NO_CACHE="1",
                          FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")
        try:
            return make()
        finally:
            for name in ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE"):
                del os.environ[name]


def main(folder, lib):
    c, tap = Country(folder), Tap()
    clock, ward = Clock(folder + "/registry.clock"), Clock(folder + "/node.clock")
    c.reg.stop()
    c.reg = clock.start(lib, c.registry)
    c.nodes[1].stop()
    c.nodes[1] = ward.start(lib, lambda: c.node(1))
    try:
        tap.ok(c.settled(), "all is cosigned and mirrored before anything jumps")
        tap.ok(until(lambda: c.predict(1)[0] == 201), "the node predicts")
        for offset in ("-1h", "-1d", "+0", "+1d", "+400d", "+0"):
            clock.jump(offset)
            status, v = call(c.reg.port, "POST", "/api/v1/events", c.grant())
            if offset.startswith("-"):
                tap.ok(status == 422 and "record.future" in codes((status, v)),
                       "registry's clock at %s: a statement dated ahead of it is refused (%d)" % (offset, status))
            else:
                tap.ok(status == 201, "registry's clock at %s: a statement is logged (%d)" % (offset, status))
            tap.ok(c.settled(), "registry's clock at %s: cosigned and mirrored all the same" % offset)
        # the nodes' clocks never moved: what the registry's did is nothing to them
        tap.ok(all(call(n.port, "GET", "/readyz")[0] == 200 for n in c.nodes), "every node is ready")
        tap.ok(until(lambda: c.predict(1)[0] == 201), "and the ward predicts: no label expired by a wrong clock")
        # Ahead: the monotonic clock carries the lease to the next cosigned checkpoint, whose age is then two days.
        # Behind: it ends at once. Neither ever makes it longer.
        for offset in ("+2d", "-2d"):
            ward.jump(offset)
            call(c.reg.port, "POST", "/api/v1/events", c.grant())
            got = until(lambda: [x for x in [c.predict(1)] if x[0] != 201], 10)
            if not got: # the next checkpoint, then: this one was taken before the jump
                call(c.reg.port, "POST", "/api/v1/events", c.grant())
                got = until(lambda: [x for x in [c.predict(1)] if x[0] != 201], 20) or [(201, {})]
            why = [p["code"] for p in got[0][1].get("problems", [])]
            if got[0][0] == 201:
                print("# %s" % c.state(1))
            tap.ok(got[0][0] == 422 and any("lease" in x for x in why),
                   "node's clock at %s: the lease ends (%d %s)" % (offset, got[0][0], why))
            ward.jump("+0")
            call(c.reg.port, "POST", "/api/v1/events", c.grant())
            tap.ok(until(lambda: c.predict(1)[0] == 201, 30), "the clock right again, it predicts again")
    finally:
        ended = c.end()
    tap.ok(ended == [0] * len(ended), "all servers stop when told %s" % ended)
    print("1..%d" % tap.n)
    return tap.bad


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2]) else 0)
