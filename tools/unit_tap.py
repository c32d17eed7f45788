#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Merges the TAP of all cmocka programs of one `meson test` run: unit_tap.py testlog.json.

A program that ends badly without a "not ok" (a sanitizer report, a crash, a time-out) is one failure more,
with the end of what it said on stderr."""
import json
import os
import re
import sys


def main(path):
    if not os.path.exists(path):
        print("not ok 1 - the test programs ran\n1..1")
        return 1
    n = bad = 0
    for line in open(path, encoding="utf-8"):
        run = json.loads(line)
        failed = False
        seen = 0
        for said in (run.get("stdout") or "").splitlines():
            m = re.match(r"(not ok|ok) \d+ - (.*)", said)
            if m:
                n += 1
                seen += 1
                failed |= m[1] == "not ok"
                bad += m[1] == "not ok"
                print("%s %d - %s: %s" % (m[1], n, run["name"], m[2]))
            elif failed and said.startswith("#"):
                print(said)
        if not failed and (run["result"] not in ("OK", "SKIP") or not seen):
            n += 1
            bad += 1
            print("not ok %d - %s: %s, exit status %s" % (n, run["name"], run["result"], run["returncode"]))
            failed = True
        if failed:
            for said in (run.get("stderr") or "").splitlines()[-25:]:
                print("# " + said)
    print("1..%d" % n)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
