#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Puts a demo's world up again, gives its regulator accounts, and runs a command on it: regulator.py DEMO_DIR COMMAND...

COMMAND gets one argument more: a JSON file {url, node, amane, dir, digest, accounts: {login: password}, admin, ...}."""
import json
import os
import subprocess
import sys

from world import World, call

PEOPLE = (
    ("has-a", "has", "commissioner", "HAS"),
    ("has-b", "has", "commissioner", "HAS"),
    ("bureau", "msps", "registry_desk", "MSPS"),
    ("ministere", "msps", "authority", "MSPS"),
    ("fournisseur", "vendor", "", "DEMOAI"),
)


def main():
    c = World(sys.argv[1])
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    reg = c.registry()
    nodes = [c.node(i) for i in range(len(c.w["nodes"]))]
    try:
        accounts, ids = {}, {}
        for login, role, function, org in PEOPLE:
            accounts[login] = "mot de passe de " + login
            body = {"login": login, "password": accounts[login], "role": role, "org_id": org, "lang": "ar"}
            if function:
                body["function"] = function
            status, said = call(reg.port, "POST", "/api/v1/accounts", body, c.w["registry"]["admin_token"])
            if status != 201:
                raise RuntimeError("account %s: %d %s" % (login, status, said))
            ids[login] = said["id"]
        path = c.dir + "/regulator.json"
        json.dump({"url": c.w["registry"]["url"], "amane": c.amane, "dir": c.dir, "digest": c.w["model_digest"], "accounts": accounts, "ids": ids,
                   "genesis": c.w["genesis"], "admin": c.w["registry"]["admin_token"], "nodes": [n["name"] for n in c.w["nodes"]]},
                  open(path, "w"))
        return subprocess.call(sys.argv[2:] + [path])
    finally:
        for s in nodes + [reg]:
            s.stop()


if __name__ == "__main__":
    sys.exit(main())
