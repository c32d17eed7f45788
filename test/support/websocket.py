# SPDX-License-Identifier: Apache-2.0
"""A client of RFC 6455 for scenarios, by the standard library alone.

websocket.py listen URL LOG MESSAGE...   sends each MESSAGE, then writes a line per thing that comes, until the socket ends:
                                         "kind since number=focus,..", "text ...", "close CODE REASON", "gone"
websocket.py raw URL HEX                 sends those bytes after the handshake, writes what comes first
websocket.py crowd URL N                  N sockets at once; the status of each
websocket.py status URL [NAME:VALUE...]  the HTTP status of an upgrade with those headers besides, or instead
"""
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
from urllib.parse import urlsplit


def connect(url, more=()):
    at = urlsplit(url)
    s = socket.create_connection((at.hostname, at.port), 20)
    if at.scheme in ("wss", "https"):
        context = ssl.create_default_context(cafile=os.environ.get("WS_CA"))
        s = context.wrap_socket(s, server_hostname=at.hostname)
    key = base64.b64encode(os.urandom(16)).decode()
    head = {"Host": at.netloc, "Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
    head.update(m.split(":", 1) for m in more)
    s.sendall((f"GET {at.path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in head.items()) + "\r\n").encode())
    got = b""
    while b"\r\n\r\n" not in got:
        more = s.recv(4096)
        if not more:
            break
        got += more
    top, _, rest = got.partition(b"\r\n\r\n")
    status = int(top.split()[1])
    if status == 101:
        want = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        assert b"sec-websocket-accept: " + want.lower() in top.lower(), top
    return s, status, rest


def frame(op, data, last=True):
    mask = os.urandom(4)
    n = len(data)
    head = bytes([(128 if last else 0) | op])
    head += bytes([128 | n]) if n < 126 else bytes([254]) + struct.pack(">H", n) if n < 65536 else bytes([255]) + struct.pack(">Q", n)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


class Reader:
    def __init__(self, s, rest):
        self.s, self.rest = s, rest

    def take(self, n):
        while len(self.rest) < n:
            more = self.s.recv(65536)
            if not more:
                raise EOFError
            self.rest += more
        got, self.rest = self.rest[:n], self.rest[n:]
        return got

    def frame(self):
        first, n = self.take(2)
        assert first & 128 and not n & 128, "of a server: whole and not masked"
        if n > 125:
            n = struct.unpack(">H" if n == 126 else ">Q", self.take(2 if n == 126 else 8))[0]
        return first & 15, self.take(n)


def said(data):
    text = data.decode()
    if not text.startswith("{"):
        return "text " + text
    body = json.loads(text)
    if body["resourceType"] != "Bundle":
        return body["resourceType"] + " " + body["issue"][0]["details"]["coding"][0]["code"]
    params = body["entry"][0]["resource"]["parameter"]
    one = {p["name"]: p for p in params if p["name"] != "notification-event"}
    events = []
    for p in params:
        if p["name"] == "notification-event":
            part = {q["name"]: q for q in p["part"]}
            focus = part.get("focus", {}).get("valueReference", {}).get("reference", "")
            events.append(part["event-number"]["valueString"] + "=" + "/".join(focus.split("/")[-2:]))
    whole = sum("resource" in e for e in body["entry"][1:])
    return f'{one["type"]["valueCode"]} {one["events-since-subscription-start"]["valueString"]} {",".join(events) or "-"} {whole}'


def listen(url, log, messages):
    s, status, rest = connect(url)
    with open(log, "a", encoding="utf-8", buffering=1) as out:
        if status != 101:
            print("status", status, file=out)
            return
        s.settimeout(None)
        for m in messages:
            s.sendall(frame(1, m.encode()))
        reader = Reader(s, rest)
        try:
            while True:
                op, data = reader.frame()
                if op == 9:
                    s.sendall(frame(10, data))
                elif op == 8:
                    print("close", struct.unpack(">H", data[:2])[0] if data else "-", data[2:].decode(), file=out)
                    s.sendall(frame(8, data))
                    return
                elif op == 1:
                    print(said(data), file=out)
        except (EOFError, OSError):
            print("gone", file=out)


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(sys.argv[2], sys.argv[3], sys.argv[4:])
    elif sys.argv[1] == "crowd":
        there = [connect(sys.argv[2]) for _ in range(int(sys.argv[3]))]
        print(*(one[1] for one in there), sep="\n")
    elif sys.argv[1] == "status":
        print(connect(sys.argv[2], sys.argv[3:])[1])
    else:
        sock, code, tail = connect(sys.argv[2])
        sock.sendall(bytes.fromhex(sys.argv[3]))
        kind, payload = Reader(sock, tail).frame()
        print(kind, payload.hex())
