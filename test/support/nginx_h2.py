# SPDX-License-Identifier: Apache-2.0
"""A hostile HTTP/2 client: frames and literal headers as one likes them, nothing checked (RFC 9113, RFC 7541).

What HTTP/2 carries by frame a proxy writes out as HTTP/1.1: a length that lies, a line break inside a value, a
Transfer-Encoding that nobody needs would then become a second request behind it."""
import socket
import ssl
import struct

STATIC = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}


def number(n, bits, flags):
    """An integer of RFC 7541, 5.1."""
    most = (1 << bits) - 1
    if n < most:
        return bytes([flags | n])
    out = bytearray([flags | most])
    n -= most
    while n >= 128:
        out.append(n % 128 + 128)
        n //= 128
    out.append(n)
    return bytes(out)


def literal(name, value):
    """A header never indexed, without Huffman: the bytes as they are."""
    return b"\x10" + number(len(name), 7, 0) + name + number(len(value), 7, 0) + value


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def status_of(block):
    """The status of a reply's header block, whose first field it is; 0 when it is written in another way."""
    if not block:
        return 0
    if block[0] & 0xE0 == 0x20:  # a table size update comes first
        block = block[1:]
    if block[0] & 0x80:
        return STATIC.get(block[0] & 0x7F, 0)
    if block[0] in (0x08, 0x18, 0x48) and len(block) > 2:
        text = block[2:2 + (block[1] & 0x7F)]
        if not block[1] & 0x80 and text.isdigit():
            return int(text)
        # Huffman: digits 0 to 2 have five bits, 3 to 9 six (RFC 7541, appendix B)
        bits = "".join("{:08b}".format(b) for b in text)
        digits = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5",
                  "011100": "6", "011101": "7", "011110": "8", "011111": "9"}
        out, word = "", ""
        for bit in bits:
            word += bit
            if word in digits:
                out, word = out + digits[word], ""
        return int(out[:3]) if len(out) >= 3 else 0
    return 0


def connect(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5), server_hostname="a")
    s.settimeout(2)
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
    return s


def send_headers(s, fields, end):
    """As HEADERS and, when they do not fit one frame, CONTINUATION."""
    block = b"".join(literal(n, v) for n, v in fields)
    parts = [block[i:i + 16000] for i in range(0, len(block), 16000)] or [b""]
    for i, part in enumerate(parts):
        last = 4 if i == len(parts) - 1 else 0
        s.sendall(frame(1 if i == 0 else 9, last | (1 if end and i == 0 else 0), 1, part))


def ask(port, fields, body=None):
    """(ALPN, status): 0 the stream or the connection was refused without a status."""
    with connect(port) as s:
        chosen = s.selected_alpn_protocol()
        status = 0
        try:
            send_headers(s, fields, body is None)
            if body is not None:
                s.sendall(frame(0, 1, 1, body))
            data = b""
            while True:
                more = s.recv(65536)
                if not more:
                    break
                data += more
                while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
                    n, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
                    payload, data = data[9:9 + n], data[9 + n:]
                    if kind == 1 and not status:
                        status = status_of(payload)
                    if kind in (3, 7) or (kind in (0, 1) and flags & 1):
                        return chosen, status
        except OSError:
            pass
        return chosen, status


def get(*more, path=b"/", method=b"GET", host=b"a"):
    return [(b":method", method), (b":scheme", b"https"), (b":path", path), (b":authority", host)] + list(more)


def probes():
    """(what, fields, body). The first is in order; the others are what a smuggler would try."""
    post = dict(method=b"POST")
    return [
        ("in order", get((b"x-a", b"b")), None),
        ("in order, with a body", get((b"content-length", b"3"), **post), b"abc"),
        ("length 0 and a body", get((b"content-length", b"0"), **post), b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("length beyond the body", get((b"content-length", b"60"), **post), b"abc"),
        ("two Content-Length", get((b"content-length", b"3"), (b"content-length", b"30"), **post), b"abc"),
        ("Content-Length +3", get((b"content-length", b"+3"), **post), b"abc"),
        ("Transfer-Encoding chunked", get((b"transfer-encoding", b"chunked"), **post), b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"),
        ("Connection", get((b"connection", b"x-a"), (b"x-a", b"b")), None),
        ("line break in a value", get((b"x-a", b"b\r\nContent-Length: 30\r\nX-B: c")), None),
        ("bare LF in a value", get((b"x-a", b"b\nx-b: c")), None),
        ("NUL in a value", get((b"x-a", b"b\0c")), None),
        ("line break in a name", get((b"x-a: b\r\nx-b", b"c")), None),
        ("colon in a name", get((b"x-a:", b"c")), None),
        ("space in a name", get((b"transfer-encoding ", b"chunked"), **post), b"0\r\n\r\n"),
        ("capitals in a name", get((b"X-A", b"b")), None),
        ("empty name", get((b"", b"b")), None),
        ("request line in the path", get(path=b"/ HTTP/1.1\r\nHost: b\r\n\r\nGET /x"), None),
        ("space in the path", get(path=b"/a b"), None),
        ("request line in the method", get(method=b"GET /x HTTP/1.1\r\nHost: a\r\n\r\nGET"), None),
        ("two :path", get((b":path", b"/b")), None),
        ("no :path", [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a")], None),
        ("pseudo-header after a header", [(b":method", b"GET"), (b":scheme", b"https"), (b"x-a", b"b"), (b":path", b"/"),
                                          (b":authority", b"a")], None),
        ("unknown pseudo-header", get((b":x", b"b")), None),
        ("another Host beside :authority", get((b"host", b"b")), None),
        ("no authority at all", [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/")], None),
        ("line break in the authority", get(host=b"a\r\nX-B: c"), None),
        ("header of 65,000 bytes", get((b"x-a", b"x" * 65000)), None),
    ]
