# SPDX-License-Identifier: Apache-2.0
"""An endpoint of Subscriptions, for scenarios: hook.py PORT_FILE LOG STATUS_FILE. Answers POSTs with the status that the file
holds (a path under /slow after two seconds) and writes one line per POST: path, status answered, X-Key, type of the notification,
events since the start, "number=focus" of each event, number of resources."""
import http.server
import json
import sys
import threading
import time

port_file, log, status_file = sys.argv[1:4]
lock = threading.Lock()


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/slow"):
            time.sleep(2)
        status = int(open(status_file, encoding="ascii").read())
        said = {p["name"]: p for p in body["entry"][0]["resource"]["parameter"] if p["name"] != "notification-event"}
        events = []
        for p in body["entry"][0]["resource"]["parameter"]:
            if p["name"] == "notification-event":
                part = {q["name"]: q for q in p["part"]}
                focus = part.get("focus", {}).get("valueReference", {}).get("reference", "")
                events.append(part["event-number"]["valueString"] + "=" + "/".join(focus.split("/")[-2:]))
        resources = sum("resource" in e for e in body["entry"][1:])
        with lock, open(log, "a", encoding="utf-8") as out:
            print(self.path, status, self.headers.get("X-Key", "-"), said["type"]["valueCode"],
                  said["events-since-subscription-start"]["valueString"], ",".join(events) or "-", resources, file=out)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a node that is killed lets go of its connections


server = Server(("127.0.0.1", 0), Hook)
with open(port_file, "w", encoding="ascii") as f:
    print(server.server_port, file=f)
server.serve_forever()
