#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slow_clients.py DEMO_DIR N: N connections that each send half a request and then one byte now and then,
while honest clients ask, submit and are answered. Those that are turned out come again: PACE a second in all,
as N clients do that wait half a minute. What is opened is closed here; only 127.0.0.1 is spoken to."""
import resource
import selectors
import socket
import sys
import threading
import time

from crash_registry import envelopes
from world import Tap, World, call


PACE = 333


class Crowd:
    """N sockets, opened and opened again when the server closes them, until stop()."""

    def __init__(self, port, n):
        self.port, self.n, self.opened, self.open_now = port, n, 0, 0
        self.stopping = threading.Event()
        self.sel = selectors.DefaultSelector()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def one(self):
        s = socket.socket()
        s.setblocking(False)
        try:
            s.connect(("127.0.0.1", self.port))
        except BlockingIOError:
            pass
        except OSError:
            s.close()
            return
        self.sel.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self.opened += 1
        self.open_now += 1

    def drop(self, s):
        self.sel.unregister(s)
        s.close()
        self.open_now -= 1

    def run(self):
        began = time.monotonic()
        while not self.stopping.is_set():
            while self.open_now < self.n and self.opened < PACE * (time.monotonic() - began):
                self.one()
            for key, events in self.sel.select(0.02):
                s = key.fileobj
                try:
                    if events & selectors.EVENT_WRITE:
                        s.send(b"POST /api/v1/events HTTP/1.1\r\nHost: a\r\nX-Slow: ")
                        self.sel.modify(s, selectors.EVENT_READ)
                    elif not s.recv(1024):
                        self.drop(s)
                except OSError:
                    self.drop(s)
            time.sleep(0.005)
        for key in list(self.sel.get_map().values()):
            key.fileobj.close()
        self.sel.close()

    def stop(self):
        self.stopping.set()
        self.thread.join()


def rss_mib(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def main(folder, n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = n + 200
    if hard != resource.RLIM_INFINITY and hard < want:
        print("# only %d descriptors are allowed here" % hard)
        n = hard - 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(want, hard) if hard != resource.RLIM_INFINITY else want, hard))
    world, tap = World(folder), Tap()
    statements = envelopes(world, folder, 20)
    reg = world.registry()
    crowd = Crowd(reg.port, n)
    took, good, logged = [], 0, 0
    try:
        deadline = time.monotonic() + 90
        while crowd.opened < n and time.monotonic() < deadline:
            time.sleep(0.1)
        tap.ok(crowd.opened >= n, "%d slow clients came" % n)
        for _ in range(100):
            t = time.monotonic()
            try:
                good += call(reg.port, "GET", "/api/v1/versions", timeout=60)[0] == 200
            except OSError as e:
                print("# %r" % e)
            took.append(time.monotonic() - t)
        for e in statements:
            try:
                logged += call(reg.port, "POST", "/api/v1/events", e, timeout=60)[0] == 201
            except OSError as e:
                print("# %r" % e)
        memory = rss_mib(reg.p.pid)
    finally:
        crowd.stop()
    took.sort()
    print("# %d connections opened by slow clients in all; honest GET median %.0f ms, worst %.0f ms; RSS %.0f MiB"
          % (crowd.opened, 1e3 * took[len(took) // 2], 1e3 * took[-1], memory))
    tap.ok(good == 100, "a hundred honest requests were answered (%d)" % good)
    tap.ok(logged == len(statements), "twenty statements were logged meanwhile (%d)" % logged)
    tap.ok(memory < 512, "the registry's memory stayed bounded")
    tap.ok(reg.p.poll() is None and call(reg.port, "GET", "/healthz")[0] == 200, "the registry is alive when they left")
    tap.ok(reg.stop() == 0, "and stops when told")
    print("1..%d" % tap.n)
    return tap.bad


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], int(sys.argv[2])) else 0)
